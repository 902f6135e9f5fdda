/// Products with a frozen matrix, blocked for the cache, in AVX-512 or AVX2 where the CPU has it. Operands
/// are float32, or rounded to bfloat16 panel by panel. The order of summation depends on the matrix alone: a
/// row's result is the same, bit for bit, for any other rows and any number of threads.
#pragma once

#include "routedk/kernels/cpu/nf4_decode.h"
#include "routedk/kernels/precision.h"
#include "routedk/kernels/weight.h"

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace routedk::kernels::cpu {

/// A frozen [rows,cols] matrix in NF4.
struct Nf4Matrix {
  const std::uint8_t* codes;
  Absmax absmax;
  const float* codebook;   ///< [16]
  at::ScalarType rounded;  ///< the type that values are rounded to: fp32, fp16 or bf16
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

/// A dense row-major [rows,cols] matrix.
template <typename T>
struct DenseMatrix {
  const T* values;
  std::int64_t rows;
  std::int64_t cols;
};

/// The view of `weight` that kernels read; valid as long as it.
Nf4Matrix view_of(const Nf4& weight);

/// A weight as the products read it. Owns any copy that they need; valid as long as the weight.
class MatrixView {
 public:
  using Matrix = std::variant<DenseMatrix<float>, DenseMatrix<c10::BFloat16>, Nf4Matrix, GgmlMatrix>;
  explicit MatrixView(const Weight& weight);
  const Matrix& matrix() const noexcept { return matrix_; }

 private:
  at::Tensor numbers_;  ///< the copy of a dense matrix that is not contiguous or has another type
  Matrix matrix_;
};

/// Rows of the matrix by index, written consecutively to [rows.size(),cols].
void read_rows(const MatrixView& weight, std::span<const std::int64_t> rows, float* to);

/// A product of rank R that is added to some rows of a product with a frozen matrix.
struct LowRankTerm {
  const float* left;   ///< [count,R]
  const float* right;  ///< [R,n], n columns of the result
  std::int64_t rank;
  std::int64_t begin;  ///< the first of those rows
  std::int64_t count;
};

struct MatmulInput {
  const float* rows;  // [T,depth]
  std::int64_t tokens;
  std::vector<LowRankTerm> terms = {};
  Precision precision = Precision::kFloat32;
};

/// y [T,rows] = x [T,cols] W^T + the terms
void matmul(const MatmulInput& x, const MatrixView& weight, float* y);
/// dx [T,cols] = dy [T,rows] W + the terms
void matmul_backward(const MatmulInput& dy, const MatrixView& weight, float* dx);

}  // namespace routedk::kernels::cpu
