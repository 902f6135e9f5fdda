/// fp32 products with a frozen matrix, blocked for the cache, in AVX-512 or AVX2 where the CPU has it. How
/// the terms of an element are summed depends on the matrix alone: a row's result is the same, bit for bit,
/// whatever rows stand beside it and however many threads work.
#pragma once

#include "routedk/kernels/cpu/nf4_decode.h"
#include "routedk/kernels/weight.h"

#include <cstdint>
#include <span>
#include <variant>

namespace routedk::kernels::cpu {

/// A frozen [rows,cols] matrix in NF4.
struct Nf4Matrix {
  const std::uint8_t* codes;
  Absmax absmax;
  const float* codebook;   ///< [16]
  at::ScalarType rounded;  ///< what values are rounded to: fp32, fp16 or bf16
  std::int64_t rows;
  std::int64_t cols;
};

/// A frozen [rows,cols] matrix in ggml's blocks.
struct GgmlMatrix {
  GgmlType type;
  const std::uint8_t* blocks;
  std::int64_t rows;
  std::int64_t cols;
};

/// A [rows,cols] matrix of floats, row after row.
struct DenseMatrix {
  const float* values;
  std::int64_t rows;
  std::int64_t cols;
};

/// What the kernels read of `weight`; valid as long as it.
Nf4Matrix view_of(const Nf4& weight);

/// A weight as the products read it, with whatever it needs to stay valid as long as the weight.
class MatrixView {
 public:
  explicit MatrixView(const Weight& weight);
  const std::variant<DenseMatrix, Nf4Matrix, GgmlMatrix>& matrix() const noexcept { return matrix_; }

 private:
  at::Tensor floats_;  ///< a dense matrix that is not contiguous fp32 is copied
  std::variant<DenseMatrix, Nf4Matrix, GgmlMatrix> matrix_;
};

/// Rows of the matrix by their numbers, one after another: to [rows.size(),cols].
void read_rows(const MatrixView& weight, std::span<const std::int64_t> rows, float* to);

/// A product of low rank R, to be added to one with a frozen matrix; null for none.
struct LowRankTerm {
  const float* left = nullptr;   ///< [T,R]
  const float* right = nullptr;  ///< [R,n], n columns of the result
  std::int64_t rank = 0;
};

/// y [T,rows] = x [T,cols] W^T + left right
void matmul(const float* x, std::int64_t tokens, const MatrixView& weight, float* y,
            const LowRankTerm& term = {});
/// dx [T,cols] = dy [T,rows] W + left right
void matmul_backward(const float* dy, std::int64_t tokens, const MatrixView& weight, float* dx,
                     const LowRankTerm& term = {});

}  // namespace routedk::kernels::cpu
