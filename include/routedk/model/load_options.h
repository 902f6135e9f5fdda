/// How a backbone is held: weight format, compute type, device.
#pragma once

#include "routedk/core/named_enum.h"

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
  kNone,  ///< dense in the compute type
};
constexpr auto enum_names(Quant /*of*/) {
  return std::to_array<EnumName<Quant>>(
      {{Quant::kAuto, "auto"}, {Quant::kKeep, "keep"}, {Quant::kNf4, "nf4"}, {Quant::kNone, "none"}});
}

enum class ComputeType : std::uint8_t {
  kAuto,  ///< bfloat16 where the CPU multiplies it faster (kernels/cpu/capability.h), else float32
  kFloat32,
  kBFloat16,
};
constexpr auto enum_names(ComputeType /*of*/) {
  return std::to_array<EnumName<ComputeType>>({{ComputeType::kAuto, "auto"},
                                               {ComputeType::kFloat32, "float32"},
                                               {ComputeType::kBFloat16, "bfloat16"}});
}

at::ScalarType scalar_type(ComputeType type);

/// How a file stores the matrix of a linear.
enum class Storage : std::uint8_t {
  kDense,     ///< in a floating type
  kPacked,    ///< in NF4 as bitsandbytes packs it, or in a GGUF's blocks
  kExcepted,  ///< dense on purpose, beside matrices in NF4
};

/// How the backbone holds it.
enum class Held : std::uint8_t {
  kStored,  ///< as the file stores it, a dense one in the compute type
  kNf4,     ///< as it is where it is NF4 already, else quantised
  kDense,   ///< in the compute type
};
Held held_as(Quant quant, Storage storage) noexcept;

struct LoadOptions {
  Quant quant = Quant::kAuto;
  bool double_quant = true;           ///< NF4 scales in 8 bits, where loading quantises
  at::ScalarType dtype = at::kFloat;  ///< compute type: float32 or bfloat16
  at::Device device = at::kCPU;
};

/// Whether the word is auto, cpu, cuda or cuda:N.
bool names_device(std::string_view word) noexcept;
/// The device that such a word names in this build; `auto` is the CPU. ConfigError names `setting`.
at::Device parse_device(const char* setting, const std::string& word);

}  // namespace routedk::model
