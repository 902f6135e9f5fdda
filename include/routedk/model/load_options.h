/// Options for loading a backbone: weight format, precision, device.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/kernels/precision.h"

#include <cstdint>
#include <string>
#include <string_view>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace routedk::model {

/// The format of the linears' matrices in memory.
enum class Quant : std::uint8_t {
  kAuto,  ///< packed matrices as in the file, dense ones as NF4
  kKeep,  ///< as in the file
  kNf4,   ///< NF4, whatever the file has
  kNone,  ///< dense; in bfloat16 if products round to it
};
constexpr auto enum_names(Quant /*of*/) {
  return std::to_array<EnumName<Quant>>(
      {{Quant::kAuto, "auto"}, {Quant::kKeep, "keep"}, {Quant::kNf4, "nf4"}, {Quant::kNone, "none"}});
}

/// The type that operands of products are rounded to; sums and activations are float32.
enum class ComputeType : std::uint8_t {
  kAuto,  ///< bfloat16 on a GPU and on CPUs that multiply it faster (fast_precision.h), else float32
  kFloat32,
  kBFloat16,
};
constexpr auto enum_names(ComputeType /*of*/) {
  return std::to_array<EnumName<ComputeType>>({{ComputeType::kAuto, "auto"},
                                               {ComputeType::kFloat32, "float32"},
                                               {ComputeType::kBFloat16, "bfloat16"}});
}

kernels::Precision precision_of(ComputeType type, at::Device device);

/// The format of a linear's matrix in a file.
enum class Storage : std::uint8_t {
  kDense,     ///< in a floating type
  kPacked,    ///< in bitsandbytes' NF4 or in a GGUF's blocks
  kExcepted,  ///< deliberately dense, among NF4 matrices
};

/// The format of that matrix in memory.
enum class Held : std::uint8_t {
  kStored,  ///< as in the file; a dense one as kDense
  kNf4,     ///< unchanged if already NF4, else quantised
  kDense,   ///< in the type that products round to
};
Held held_as(Quant quant, Storage storage) noexcept;

/// The type of a dense matrix in memory for that precision.
at::ScalarType dense_type(kernels::Precision precision) noexcept;

struct LoadOptions {
  Quant quant = Quant::kAuto;
  bool double_quant = true;  ///< NF4 scales in 8 bits, if loading quantises
  kernels::Precision precision = kernels::Precision::kFloat32;
  at::Device device = at::kCPU;
};

/// Whether the word is auto, cpu, cuda or cuda:N.
bool names_device(std::string_view word) noexcept;
/// The device that the word names; `auto` is the first usable GPU, else the CPU. ConfigError, which names
/// `setting`, for an unusable GPU.
at::Device parse_device(const char* setting, const std::string& word);

}  // namespace routedk::model
