/// The innermost product: rows of activations times one panel of 16 matrix rows.
#pragma once

#include <algorithm>
#include <cstdint>

namespace routedk::quant::cpu {

/// Rows that go through a panel at once where there are registers enough.
inline constexpr std::int64_t kInt8Rows = 12;

/// Some blocks of consecutive rows of an Int8Rows.
struct Int8Tile {
  const std::int8_t* codes;         ///< of the first row's first block
  const float* scales;              ///< likewise
  const std::int32_t* corrections;  ///< likewise
  std::int64_t blocks;
  std::int64_t count;         ///< rows
  std::int64_t row_blocks;    ///< from one row to the next
  std::int64_t first_column;  ///< multiples of 16
  std::int64_t last_column;

  /// The columns of a block that count.
  std::int64_t first(std::int64_t b) const noexcept { return b == 0 ? first_column : 0; }
  std::int64_t last(std::int64_t b, std::int64_t block) const noexcept {
    return std::min(last_column - b * block, block);
  }
};

/// Where 16 values of each row go, or are added.
struct Int8Sums {
  float* values;
  std::int64_t stride;
  bool add;
};

/// sums [count,16] = tile times a panel whose weights are stored as 8-bit codes plus 128, or as 4-bit codes
/// that `table` turns into those.
struct Int8Kernel {
  void (*eight_bit)(const std::uint8_t* panel, std::int64_t block, const Int8Tile& tile,
                    const Int8Sums& sums);
  /// Blocks of 64; null where widening the panel first is as fast.
  void (*four_bit)(const std::uint8_t* panel, const std::uint8_t* table, const Int8Tile& tile,
                   const Int8Sums& sums);
  /// 4-bit codes [blocks] -> the same panel in 8 bits.
  void (*widen)(const std::uint8_t* panel, const std::uint8_t* table, std::int64_t blocks,
                std::uint8_t* wide);
  const char* name;
};

/// The fastest one that this CPU runs.
const Int8Kernel& int8_kernel() noexcept;
/// Plain C++: the oracle.
const Int8Kernel& int8_scalar_kernel() noexcept;
/// With AVX2 alone, where the CPU has it; else the plain one.
const Int8Kernel& int8_avx2_kernel() noexcept;

}  // namespace routedk::quant::cpu
