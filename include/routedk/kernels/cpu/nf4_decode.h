/// NF4 -> fp32 or bf16 for whole tensors, in parallel, with AVX-512 or AVX2 where the CPU has it. Bit for bit
/// the result of nf4_dequantize followed by rounding to nearest even.
#pragma once

#include "routedk/kernels/cpu/nf4_codec.h"

#include <cstdint>
#include <span>

#include <c10/util/BFloat16.h>

namespace routedk::kernels::cpu {

/// `absmax` of each 64-element block, given or decoded from 8 bits.
struct Absmax {
  const float* plain = nullptr;
  const std::uint8_t* nested_codes = nullptr;
  const float* nested_absmax = nullptr;
  float nested_offset = 0.0F;
  const float* nested_codebook = nullptr;  ///< [256]; null: dynamic_map()

  float at(std::int64_t block) const noexcept;
};

/// `codebook` has 16 values.
void nf4_to_float(const std::uint8_t* packed, const Absmax& absmax, std::span<float> out,
                  const float* codebook = kNf4Codebook.data());
void nf4_to_bfloat16(const std::uint8_t* packed, const Absmax& absmax, std::span<c10::BFloat16> out,
                     const float* codebook = kNf4Codebook.data());

/// Elements first .. first + out.size() of a tensor, on the calling thread alone.
void nf4_range_to_float(const std::uint8_t* packed, const Absmax& absmax, std::int64_t first,
                        std::span<float> out, const float* codebook = kNf4Codebook.data());

}  // namespace routedk::kernels::cpu
