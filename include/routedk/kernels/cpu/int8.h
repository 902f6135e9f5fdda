/// Products of a few rows in 8-bit integers, for decoding. Both factors are quantised block by block; the
/// terms of a block are summed exactly in 32 bits, the blocks in fp32. AVX-512 with VNNI, AVX2 and plain C++
/// give the same bits, and a row's bits do not depend on the other rows or on the number of threads.
#pragma once

#include "routedk/kernels/weight.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ATen/ATen.h>

namespace routedk::kernels::cpu {

/// Rows of activations: x is about scale * code, |code| <= 127, one scale per `block` elements. A row is
/// padded with zeros to whole blocks.
class Int8Rows {
 public:
  /// block: 16, 32, 48 or 64.
  explicit Int8Rows(std::int64_t block) : block_(block) {}

  /// Makes room; discards the contents.
  void resize(std::int64_t rows, std::int64_t width);
  /// Sets row `row` to x [width]; threads may fill different rows at once. With weights [width/16], each
  /// group of 16 values is multiplied by its weight; values with weight 0 may be anything, and width is a
  /// multiple of 16.
  void quantize(std::int64_t row, const float* x, const float* weights = nullptr);

  std::int64_t block() const noexcept { return block_; }
  std::int64_t blocks() const noexcept { return blocks_; }
  std::int64_t rows() const noexcept { return rows_; }
  const std::int8_t* codes(std::int64_t row) const noexcept { return codes_ + row * blocks_ * block_; }
  const float* scales(std::int64_t row) const noexcept { return scales_ + row * blocks_; }
  /// -128 times the sum of each block's codes: corrects for weights that are stored with 128 added.
  const std::int32_t* corrections(std::int64_t row) const noexcept { return corrections_ + row * blocks_; }
  /// The sum of each block's values (scale * code): the factor of the weights' minima.
  const float* sums(std::int64_t row) const noexcept { return sums_ + row * blocks_; }

 private:
  std::int64_t block_;
  std::int64_t blocks_ = 0;
  std::int64_t width_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t held_ = 0;                // rows allocated
  at::Tensor memory_;                    // holds the next four
  std::int8_t* codes_ = nullptr;         // [rows, blocks * block]
  float* scales_ = nullptr;              // [rows, blocks]
  std::int32_t* corrections_ = nullptr;  // [rows, blocks]
  float* sums_ = nullptr;                // [rows, blocks]
};

/// A frozen [out,in] matrix for these products, in panels of 16 rows. A panel holds one block of columns
/// after another. A block holds lines of 64 bytes, 4 columns of all 16 rows each (8 columns for 4-bit codes),
/// then its 16 scales and, in formats that have them, its 16 minima.
class Int8Panels {
 public:
  static constexpr std::int64_t kWidth = 16;

  Int8Panels() = default;
  /// Columns that share a scale in the weight's format; 0 where these products do not apply: a dense matrix,
  /// or NF4 whose rows are not whole blocks.
  static std::int64_t block_of(const Weight& weight) noexcept;
  /// A packed weight in blocks of `block` columns; block_of(weight) is a multiple of `block`. 4-bit codes
  /// stay 4 bits wide; a table widens them to 8 bits within the product.
  static Int8Panels from(const Weight& weight, std::int64_t block);
  /// Codes are rounded to 8 bits, scales are fp32. Error when a row is not whole blocks.
  static Int8Panels from_nf4(const Nf4& weight, std::int64_t block = kNf4Block);
  /// Exact: codes are kept, and so are scales and minima in half precision; those that are products (Q4_K,
  /// Q5_K, Q6_K) are stored in fp32.
  static Int8Panels from_ggml(const GgmlBlocks& weight, std::int64_t block);
  /// dense [out,in] F32 to 8 bits, one scale per `block` columns (16, 32, 48 or 64).
  static Int8Panels quantize(const at::Tensor& dense, std::int64_t block);

  /// x W^T, or the contribution of some columns of W (multiples of 16; -1: to the last). x has the same block
  /// size and is zero in the columns left out. 4-bit matrices must be taken whole.
  struct Term {
    const Int8Panels* weight;
    const Int8Rows* x;
    std::int64_t first_column = 0;
    std::int64_t last_column = -1;
  };
  /// Which panels and rows (-1: to the last) of the result to compute, and whether to add to what y holds.
  struct Part {
    std::int64_t first;
    std::int64_t last;
    bool add = false;
    std::int64_t first_row = 0;
    std::int64_t last_row = -1;
  };
  /// Sets that part of y [rows,out], rows `stride` apart, to the sum of the terms, block by block in their
  /// order: all terms at once or one after another give the same bits. Terms agree in rows and out.
  static void multiply(std::span<const Term> terms, const Part& part, float* y, std::int64_t stride);

  bool defined() const noexcept { return data_.defined(); }
  std::int64_t block() const noexcept { return format_.block; }
  std::int64_t out() const noexcept { return out_; }
  std::int64_t in() const noexcept { return in_; }
  std::int64_t panels() const noexcept { return (out_ + kWidth - 1) / kWidth; }
  /// Memory that a product reads: codes and scales.
  std::int64_t bytes() const noexcept { return panels() * panel_bytes(); }
  std::int64_t panel_bytes() const noexcept { return blocks_ * format_.bytes(); }

 private:
  /// The layout of a block.
  struct Format {
    std::int64_t block = 0;  ///< columns
    bool four_bit = false;
    bool half = false;    ///< scales and minima in half precision, else fp32
    bool minima = false;  ///< whether there are minima

    std::int64_t code_bytes() const noexcept { return block * kWidth / (four_bit ? 2 : 1); }
    std::int64_t scale_bytes() const noexcept { return kWidth * (half ? 2 : 4); }
    std::int64_t bytes() const noexcept { return code_bytes() + scale_bytes() * (minima ? 2 : 1); }
  };

  Int8Panels(std::int64_t out, std::int64_t in, const Format& format);
  std::uint8_t* panel(std::int64_t index) const;
  class Lane;
  class Operand;
  class Product;

  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
  Format format_;
  std::int64_t blocks_ = 0;               ///< per row
  std::array<std::uint8_t, 16> table_{};  ///< 8-bit values of the 4-bit codes, plus 128
  at::Tensor data_;                       // [panels, blocks, bytes of one] U8
  std::uint8_t* first_panel_ = nullptr;   ///< address of data_, whose query costs a product three misses
};

/// The path that runs on this CPU: "avx512-vnni", "avx2" or "scalar".
const char* int8_path() noexcept;

}  // namespace routedk::kernels::cpu
