/// Tiles of pairs with AMX (Intel SDM, volume 1, chapter 18): 16 rows times 16 columns, 16 pairs deep, at
/// once. Templates over a `Unit` that holds eight tiles of 16 rows of 64 bytes: the CPU's own, or an
/// emulation in plain C++ for machines without AMX.
#pragma once

#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace routedk::kernels::cpu {

inline constexpr std::int64_t kAmxRows = 16;
inline constexpr std::int64_t kAmxWords = 16;  ///< per row of a tile
inline constexpr std::int64_t kAmxBlock = 2 * kAmxRows;

/// The CPU's tiles, configured for the lifetime of this guard.
class AmxTiles {
 public:
  AmxTiles() noexcept {
    struct alignas(64) Config {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::array<std::uint8_t, 14> reserved{};
      std::array<std::uint16_t, 16> row_bytes{};
      std::array<std::uint8_t, 16> rows{};
    } config;
    for (std::size_t tile = 0; tile < 8; ++tile) {
      config.row_bytes[tile] = kAmxWords * sizeof(Pair);
      config.rows[tile] = kAmxRows;
    }
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
  ~AmxTiles() { asm volatile("tilerelease" ::: "memory"); }

  template <int kTile>
  void zero() noexcept {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  /// Rows of 16 words, `stride` words apart.
  template <int kTile>
  void load(const void* rows, std::int64_t stride) noexcept {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(rows), "r"(stride * 4), "i"(kTile) : "memory");
  }
  template <int kTile>
  // NOLINTNEXTLINE(readability-non-const-parameter): the CPU writes to it
  void store(float* rows, std::int64_t stride) noexcept {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(rows), "r"(stride * 4), "i"(kTile) : "memory");
  }
  /// Sums += products of the rows of tile kA with the columns of tile kB, pair by pair.
  template <int kSum, int kA, int kB>
  void add_products() noexcept {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

/// The same in plain C++, in the order of sums that the SDM gives for TDPBF16PS: per row, the first and the
/// second numbers of the pairs are summed separately, then both together are added to the sum.
class EmulatedTiles {
 public:
  template <int kTile>
  void zero() noexcept {
    words_[kTile] = {};
  }
  template <int kTile>
  void load(const void* rows, std::int64_t stride) noexcept {
    for (std::int64_t r = 0; r < kAmxRows; ++r) {
      std::memcpy(row(kTile, r), static_cast<const Pair*>(rows) + r * stride, kAmxWords * sizeof(Pair));
    }
  }
  template <int kTile>
  void store(float* rows, std::int64_t stride) noexcept {
    for (std::int64_t r = 0; r < kAmxRows; ++r) {
      std::memcpy(rows + r * stride, row(kTile, r), kAmxWords * sizeof(float));
    }
  }
  template <int kSum, int kA, int kB>
  void add_products() noexcept {
    for (std::int64_t m = 0; m < kAmxRows; ++m) {
      for (std::int64_t n = 0; n < kAmxWords; ++n) {
        float earlier = 0.0F;
        float later = 0.0F;
        for (std::int64_t k = 0; k < kAmxRows; ++k) {
          const Pair a = row(kA, m)[k];
          const Pair b = row(kB, k)[n];
          earlier = std::fma(std::bit_cast<float>(a << 16U), std::bit_cast<float>(b << 16U), earlier);
          later =
              std::fma(std::bit_cast<float>(a & 0xFFFF0000U), std::bit_cast<float>(b & 0xFFFF0000U), later);
        }
        Pair& sum = row(kSum, m)[n];
        sum = std::bit_cast<Pair>(std::bit_cast<float>(sum) + (earlier + later));
      }
    }
  }

 private:
  Pair* row(int tile, std::int64_t r) noexcept {
    return words_[static_cast<std::size_t>(tile)].data() + r * kAmxWords;
  }
  std::array<std::array<Pair, kAmxRows * kAmxWords>, 8> words_{};
};

/// Blocks of 32 rows times the 32 columns of a panel: tiles 0 to 3 are sums, 4 and 5 are A, 6 and 7 the
/// panel. A block with fewer rows or columns is computed whole, in a copy, so that a row's sums do not depend
/// on their number.
template <typename Unit>
class AmxProduct {
 public:
  AmxProduct(const Pair* panel, std::int64_t depth, std::int64_t width, bool add)
      : panel_(panel), whole_(depth / kAmxWords * kAmxWords), depth_(depth), width_(width), add_(add) {
    std::memcpy(panel_end_.data(), panel + whole_ * kPanel,
                sizeof(Pair) * static_cast<std::size_t>((depth - whole_) * kPanel));
  }

  void multiply(const TileRows<Pair>& rows) {
    for (std::int64_t first = 0; first < rows.count; first += kAmxBlock) {
      const std::int64_t count = std::min(kAmxBlock, rows.count - first);
      const Pair* const a = rows.a + first * rows.a_stride;
      float* const c = rows.c + first * rows.c_stride;
      if (count == kAmxBlock && width_ == kPanel) {
        block(a, rows.a_stride, c, rows.c_stride);
      } else {
        copied_block(a, rows.a_stride, c, rows.c_stride, count);
      }
    }
  }

 private:
  void block(const Pair* a, std::int64_t a_stride, float* c, std::int64_t c_stride) {
    if (add_) {
      unit_.template load<0>(c, c_stride);
      unit_.template load<1>(c + kAmxWords, c_stride);
      unit_.template load<2>(c + kAmxRows * c_stride, c_stride);
      unit_.template load<3>(c + kAmxRows * c_stride + kAmxWords, c_stride);
    } else {
      unit_.template zero<0>();
      unit_.template zero<1>();
      unit_.template zero<2>();
      unit_.template zero<3>();
    }
    for (std::int64_t k = 0; k < whole_; k += kAmxWords) {
      step(a + k, a_stride, panel_ + k * kPanel);
    }
    if (whole_ < depth_) {
      for (std::int64_t r = 0; r < kAmxBlock; ++r) {
        std::copy_n(a + r * a_stride + whole_, depth_ - whole_, a_end_.data() + r * kAmxWords);
      }
      step(a_end_.data(), kAmxWords, panel_end_.data());
    }
    unit_.template store<0>(c, c_stride);
    unit_.template store<1>(c + kAmxWords, c_stride);
    unit_.template store<2>(c + kAmxRows * c_stride, c_stride);
    unit_.template store<3>(c + kAmxRows * c_stride + kAmxWords, c_stride);
  }

  /// Adds 16 pairs of the depth.
  void step(const Pair* a, std::int64_t a_stride, const Pair* panel) {
    unit_.template load<4>(a, a_stride);
    unit_.template load<5>(a + kAmxRows * a_stride, a_stride);
    unit_.template load<6>(panel, kPanel);
    unit_.template load<7>(panel + kAmxWords, kPanel);
    unit_.template add_products<0, 4, 6>();
    unit_.template add_products<1, 4, 7>();
    unit_.template add_products<2, 5, 6>();
    unit_.template add_products<3, 5, 7>();
  }

  void copied_block(const Pair* a, std::int64_t a_stride, float* c, std::int64_t c_stride,
                    std::int64_t count) {
    std::vector<Pair> rows(static_cast<std::size_t>(kAmxBlock * depth_));
    std::array<float, kAmxBlock * kPanel> sums{};
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(a + r * a_stride, depth_, rows.data() + r * depth_);
      if (add_) {
        std::copy_n(c + r * c_stride, width_, sums.data() + r * kPanel);
      }
    }
    block(rows.data(), depth_, sums.data(), kPanel);
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(sums.data() + r * kPanel, width_, c + r * c_stride);
    }
  }

  Unit unit_;
  const Pair* panel_;
  std::int64_t whole_;  ///< words of the depth that fill whole tiles
  std::int64_t depth_;
  std::int64_t width_;
  bool add_;
  std::array<Pair, kAmxWords * kPanel> panel_end_{};  ///< the last words of the depth, zero-padded
  std::array<Pair, kAmxBlock * kAmxWords> a_end_{};   ///< likewise
};

/// A TileFn.
template <typename Unit>
void tile_amx(const TileRows<Pair>& rows, const Pair* panel, std::int64_t depth, std::int64_t width,
              bool add) {
  AmxProduct<Unit>(panel, depth, width, add).multiply(rows);
}

}  // namespace routedk::kernels::cpu
