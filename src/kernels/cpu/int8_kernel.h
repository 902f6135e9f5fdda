/// The innermost product: rows of activations times panels of 16 matrix rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// Products of up to this many rows are bound by memory: where the kernel can, it then takes a panel of 4-bit
/// codes without widening it first, and panels one by one.
inline constexpr std::int64_t kInt8FewRows = 8;
/// The best number of panels at once for more rows.
inline constexpr std::int64_t kInt8Panels = 2;

/// One term of the sum of products: consecutive rows of an Int8Rows times adjacent panels.
struct Int8Term {
  const std::uint8_t* panel;        ///< the first block of the first panel
  std::int64_t panel_bytes;         ///< distance between panels
  const std::uint8_t* table;        ///< values of the 4-bit codes; null: 8-bit codes plus 128
  const std::int8_t* codes;         ///< of the first row, first block
  const float* scales;              ///< likewise
  const std::int32_t* corrections;  ///< likewise
  std::int64_t block;               ///< columns
  std::int64_t blocks;
  std::int64_t row_blocks;    ///< distance between rows
  std::int64_t first_column;  ///< multiples of 16; 4-bit codes always count whole
  std::int64_t last_column;
  bool half = false;            ///< whether scales and minima are in half precision, else fp32
  bool minima = false;          ///< whether 16 minima follow the scales
  const float* sums = nullptr;  ///< of the first row, first block; read if there are minima

  std::int64_t code_bytes() const noexcept { return block * (table != nullptr ? 8 : 16); }
  std::int64_t scale_bytes() const noexcept { return half ? 32 : 64; }
  /// Of a block's scales and minima.
  std::int64_t tail_bytes() const noexcept { return scale_bytes() * (minima ? 2 : 1); }
  /// The columns of a block that count.
  std::int64_t first(std::int64_t b) const noexcept { return b == 0 ? first_column : 0; }
  std::int64_t last(std::int64_t b) const noexcept { return std::min(last_column - b * block, block); }
};

/// Where the 16 values of each row and panel go.
struct Int8Sums {
  float* values;
  std::int64_t stride;  ///< distance between rows
  bool add;             ///< whether to add to the values
};

struct Int8Kernel {
  /// sums [rows,16*panels] = the sum of all terms, block by block in their order. Takes 4-bit codes only if
  /// `four_bit`, and for up to kInt8FewRows rows.
  void (*multiply)(std::span<const Int8Term> terms, std::int64_t rows, std::int64_t panels,
                   const Int8Sums& sums);
  /// A term's panel of 4-bit codes -> the same panel in 8 bits.
  void (*widen)(const Int8Term& narrow, std::uint8_t* wide);
  bool four_bit;  ///< whether `multiply` takes 4-bit codes
  const char* name;
};

/// Error unless the kernels support blocks of that many columns.
void check_int8_block(std::int64_t block);

/// The fastest kernel for this CPU.
const Int8Kernel& int8_kernel() noexcept;
/// Plain C++: the oracle.
const Int8Kernel& int8_scalar_kernel() noexcept;
/// The AVX2 kernel where the CPU has AVX2, else the plain one.
const Int8Kernel& int8_avx2_kernel() noexcept;

}  // namespace routedk::kernels::cpu
