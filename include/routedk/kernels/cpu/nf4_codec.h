/// The NF4 codec in bitsandbytes' layout, bit-exact, on plain arrays (reference implementation).
/// Source: QLoRA (arXiv 2305.14314) and the bitsandbytes checkpoint format.
#pragma once

#include "routedk/kernels/nf4.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// The 16 values of the 4-bit NormalFloat.
inline constexpr std::array<float, 16> kNf4Codebook = {-1.0F,
                                                       -0.6961928009986877F,
                                                       -0.5250730514526367F,
                                                       -0.39491748809814453F,
                                                       -0.28444138169288635F,
                                                       -0.18477343022823334F,
                                                       -0.09105003625154495F,
                                                       0.0F,
                                                       0.07958029955625534F,
                                                       0.16093020141124725F,
                                                       0.24611230194568634F,
                                                       0.33791524171829224F,
                                                       0.44070982933044434F,
                                                       0.5626170039176941F,
                                                       0.7229568362236023F,
                                                       1.0F};

/// Quantises the flattened tensor: packed has nf4_bytes(n) bytes (element 2i in the high nibble of byte i),
/// absmax has nf4_blocks(n) values. Values are multiplied by 1 / max(absmax, 1e-38) in fp32. An all-zero
/// block has absmax 0 and code 7; an odd count is padded with code 7.
void nf4_quantize(std::span<const float> values, std::span<std::uint8_t> packed, std::span<float> absmax);

/// out[i] = codebook[code i] * absmax[i / 64], in fp32.
void nf4_dequantize(std::span<const std::uint8_t> packed, std::span<const float> absmax,
                    std::span<float> out);

/// The 256 values of bitsandbytes' signed dynamic 8-bit map, ascending.
const std::array<float, 256>& dynamic_map();

/// Blockwise 8-bit quantisation of the (centred) absmax values: nearest entry of dynamic_map() to
/// value / absmax of its 256-block.
void dynamic8_quantize(std::span<const float> values, std::span<std::uint8_t> codes, std::span<float> absmax);

}  // namespace routedk::kernels::cpu
