/// The innermost product: rows of activations times panels of 16 matrix rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// Up to so many rows wait for memory: a panel of 4-bit codes is then taken as it is where a kernel can, not
/// widened first, and panels are taken one by one.
inline constexpr std::int64_t kInt8FewRows = 8;
/// Panels that more rows are best multiplied with at once.
inline constexpr std::int64_t kInt8Panels = 2;

/// One of the products that are summed: consecutive rows of an Int8Rows times neighbouring panels.
struct Int8Term {
  const std::uint8_t* panel;        ///< the first one's first block
  std::int64_t panel_bytes;         ///< from one panel to the next
  const std::uint8_t* table;        ///< what 4-bit codes stand for; null: codes of 8 bits plus 128
  const std::int8_t* codes;         ///< of the first row's first block
  const float* scales;              ///< likewise
  const std::int32_t* corrections;  ///< likewise
  std::int64_t block;               ///< columns
  std::int64_t blocks;
  std::int64_t row_blocks;    ///< from one row to the next
  std::int64_t first_column;  ///< multiples of 16; of 4-bit codes all count
  std::int64_t last_column;
  bool half = false;            ///< scales and minima are in half precision, else fp32
  bool minima = false;          ///< whether 16 of them lie behind the scales
  const float* sums = nullptr;  ///< of the first row's first block; read where there are minima

  std::int64_t code_bytes() const noexcept { return block * (table != nullptr ? 8 : 16); }
  std::int64_t scale_bytes() const noexcept { return half ? 32 : 64; }
  /// Of the block's scales and minima.
  std::int64_t tail_bytes() const noexcept { return scale_bytes() * (minima ? 2 : 1); }
  /// The columns of a block that count.
  std::int64_t first(std::int64_t b) const noexcept { return b == 0 ? first_column : 0; }
  std::int64_t last(std::int64_t b) const noexcept { return std::min(last_column - b * block, block); }
};

/// Where 16 values of each row and panel go.
struct Int8Sums {
  float* values;
  std::int64_t stride;  ///< from one row to the next
  bool add;             ///< whether earlier terms' sums are there already
};

struct Int8Kernel {
  /// sums [rows,16*panels] = all terms together, block by block in their order. 4-bit codes only where
  /// `four_bit` says so, and with up to kInt8FewRows rows.
  void (*multiply)(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panels,
                   const Int8Sums& sums);
  /// A term's panel of 4-bit codes -> the same in 8 bits.
  void (*widen)(const Int8Term& narrow, std::uint8_t* wide);
  bool four_bit;  ///< whether `multiply` takes 4-bit codes
  const char* name;
};

/// Error unless a block of so many columns is one that the kernels take.
void check_int8_block(std::int64_t block);

/// The fastest one that this CPU runs.
const Int8Kernel& int8_kernel() noexcept;
/// Plain C++: the oracle.
const Int8Kernel& int8_scalar_kernel() noexcept;
/// With AVX2 alone, where the CPU has it; else the plain one.
const Int8Kernel& int8_avx2_kernel() noexcept;

}  // namespace routedk::kernels::cpu
