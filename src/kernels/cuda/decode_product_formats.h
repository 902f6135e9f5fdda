/// The formats of frozen matrices (decode_product.h), and how a lane of decode_product reads them.
#pragma once

#include <array>
#include <bit>

#include "decode_product.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {

constexpr std::array<float, 16> kNf4Values = {-1.0F,
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

/// The two values of each byte of codes, as bf16.
struct PairTable {
  std::uint32_t pairs[256];
};
constexpr std::uint32_t bfloat16_bits_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits + 0x7FFF + (bits >> 16 & 1U)) >> 16;
}
constexpr PairTable make_pair_table() {
  PairTable table{};
  for (std::size_t i = 0; i < 256; ++i) {
    table.pairs[i] = bfloat16_bits_of(kNf4Values[i >> 4]) | bfloat16_bits_of(kNf4Values[i & 15]) << 16;
  }
  return table;
}
namespace {
__constant__ PairTable kPairTable = make_pair_table();
}

/// Where a lane reads next: `tile` counts blocks of 64 columns over all row tiles, `block` those within the
/// row.
struct Cursor {
  int tile;
  int block;
};

struct Nf4Format {
  static constexpr int kBlocks = 2;  ///< blocks of 64 columns read at once
  static constexpr bool kCodes = true;
  template <int TR>
  struct Item {
    std::uint32_t codes[TR][2][4];
    std::uint32_t scales[TR][2];
  };
  template <int TR>
  static ROUTEDK_DEVICE void load(Item<TR>& item, const FrozenTiles& m, Cursor at, int blocks, int lane) {
    const auto* codes = static_cast<const unsigned char*>(m.codes) + lane * 16;
    const auto* scales = static_cast<const unsigned char*>(m.scales) + lane / 4 * 8;
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      const auto tile = static_cast<std::int64_t>(at.tile + tr * blocks);
      load_stream(item.codes[tr][0], codes + tile * 512);
      load_stream(item.codes[tr][1], codes + tile * 512 + 512);
      load_constant(item.scales[tr], scales + tile * 32);
    }
  }
};
struct Bf16Format {
  static constexpr int kBlocks = 1;
  static constexpr bool kCodes = false;
  template <int TR>
  struct Item {
    std::uint32_t values[TR][4][4];
  };
  template <int TR>
  static ROUTEDK_DEVICE void load(Item<TR>& item, const FrozenTiles& m, Cursor at, int blocks, int lane) {
    const auto* values = static_cast<const unsigned char*>(m.codes) + lane * 16;
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      const auto* from = values + static_cast<std::int64_t>(at.tile + tr * blocks) * 2048;
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        load_stream(item.values[tr][step], from + step * 512);
      }
    }
  }
};

}  // namespace routedk::kernels::cuda
