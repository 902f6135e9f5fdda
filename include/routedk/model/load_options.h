/// How a backbone is held: weight format, precision, device.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/kernels/precision.h"

#include <cstdint>
#include <string>
#include <string_view>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace routedk::model {

/// How the matrices of the linears are held.
enum class Quant : std::uint8_t {
  kAuto,  ///< packed as the file packs them; what is dense there becomes NF4
  kKeep,  ///< as the file stores them
  kNf4,   ///< NF4, whatever the file stores
  kNone,  ///< dense, in bfloat16 where products are
};
constexpr auto enum_names(Quant /*of*/) {
  return std::to_array<EnumName<Quant>>(
      {{Quant::kAuto, "auto"}, {Quant::kKeep, "keep"}, {Quant::kNf4, "nf4"}, {Quant::kNone, "none"}});
}

/// What the operands of products are rounded to; sums and activations are float32.
enum class ComputeType : std::uint8_t {
  kAuto,  ///< bfloat16 on a GPU and where the CPU multiplies it faster (fast_precision.h), else float32
  kFloat32,
  kBFloat16,
};
constexpr auto enum_names(ComputeType /*of*/) {
  return std::to_array<EnumName<ComputeType>>({{ComputeType::kAuto, "auto"},
                                               {ComputeType::kFloat32, "float32"},
                                               {ComputeType::kBFloat16, "bfloat16"}});
}

kernels::Precision precision_of(ComputeType type, at::Device device);

/// How a file stores the matrix of a linear.
enum class Storage : std::uint8_t {
  kDense,     ///< in a floating type
  kPacked,    ///< in NF4 as bitsandbytes packs it, or in a GGUF's blocks
  kExcepted,  ///< dense on purpose, beside matrices in NF4
};

/// How the backbone holds it.
enum class Held : std::uint8_t {
  kStored,  ///< as the file stores it; a dense one as kDense
  kNf4,     ///< as it is where it is NF4 already, else quantised
  kDense,   ///< in the type that products round to
};
Held held_as(Quant quant, Storage storage) noexcept;

/// What a dense matrix is held in where products round to that.
at::ScalarType dense_type(kernels::Precision precision) noexcept;

struct LoadOptions {
  Quant quant = Quant::kAuto;
  bool double_quant = true;  ///< NF4 scales in 8 bits, where loading quantises
  kernels::Precision precision = kernels::Precision::kFloat32;
  at::Device device = at::kCPU;
};

/// Whether the word is auto, cpu, cuda or cuda:N.
bool names_device(std::string_view word) noexcept;
/// The device that such a word names; `auto` is the first GPU that can be used, else the CPU. ConfigError,
/// naming `setting`, for a GPU that cannot.
at::Device parse_device(const char* setting, const std::string& word);

}  // namespace routedk::model
