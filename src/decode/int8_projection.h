/// Linears that share their input, and their adapters, in 8-bit integers on a team of threads.
#pragma once

#include "routedk/kernels/cpu/float_buffer.h"
#include "routedk/kernels/cpu/int8_products.h"
#include "routedk/model/layer.h"

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "int8_model.h"

namespace routedk::decode {

/// A layer's gate rows in the form that the products read.
class LayerAlpha {
 public:
  LayerAlpha(const at::Tensor& alpha, std::span<const std::int64_t> seq_of_token);

  float at(std::int64_t token, std::size_t expert) const {
    return values_[static_cast<std::size_t>(seq_of_token_[static_cast<std::size_t>(token)]) * experts_ +
                   expert];
  }
  /// Experts with a nonzero weight for any sequence.
  const std::vector<std::size_t>& active() const noexcept { return active_; }

 private:
  at::Tensor alpha_;  // [S,K]
  std::span<const float> values_;
  std::span<const std::int64_t> seq_of_token_;  // [T]
  std::size_t experts_;
  std::vector<std::size_t> active_;
};

/// Whether every thread computes all of T rows for itself: for very few rows this takes less time than
/// waiting for another thread. Call outside parallel regions.
bool own_rows(std::int64_t tokens) noexcept;

/// Runs row(r) for all T rows: every thread for itself if `own`, without waiting, else the rows are split.
template <typename Row>
void make_rows(kernels::cpu::Team::Member& member, std::int64_t tokens, bool own, const Row& row) {
  if (!own) {
    kernels::cpu::for_each_row(member, tokens, row);
    return;
  }
  for (std::int64_t r = 0; r < tokens; ++r) {
    row(r);
  }
}

/// (A x) * alpha * scale of one linear in 8 bits: the input of the product with B.
class Int8LoraDown {
 public:
  using Range = std::pair<std::int64_t, std::int64_t>;

  /// Allocates for T rows; linear and alpha must live as long as the layer runs.
  void prepare(const Int8Model::Linear& linear, const LayerAlpha& alpha, std::int64_t tokens);
  /// For rows first .. last of the input.
  void compute(const kernels::cpu::Int8Rows& input, std::int64_t first, std::int64_t last);

  /// Ranges of ranks of adjacent experts with a nonzero weight.
  const std::vector<Range>& ranks() const noexcept { return ranks_; }
  const kernels::cpu::Int8Rows& rows() const noexcept { return rows_; }
  /// Bytes of A that are read.
  std::int64_t bytes() const;

 private:
  void scale_row(std::int64_t row);

  const Int8Model::Linear* linear_ = nullptr;
  const LayerAlpha* alpha_ = nullptr;
  std::vector<Range> ranks_;
  kernels::cpu::FloatBuffer memory_;
  float* values_ = nullptr;  // [T,R]
  kernels::cpu::Int8Rows rows_{kernels::cpu::kRanks};
};

/// y = W x + b + sum_i alpha_i s_i B_i A_i x for each of a projection's linears.
class Int8Projection {
 public:
  using Outputs = std::array<float*, 3>;  // [T,out] each

  /// Prepares a layer's memory and tasks, so that the team only computes. width: of the input.
  void prepare(const Int8Model::Layer& layer, std::span<const model::Linear> linears, const LayerAlpha& alpha,
               std::int64_t tokens);

  /// The products with the rows x [width] that fill(row, x) writes; a step of the team.
  template <typename Fill>
  void run(kernels::cpu::Team::Member& member, const Fill& fill) {
    Input& input = inputs_[own_ ? static_cast<std::size_t>(member.place()) : 0];
    const auto quantize = [&](std::int64_t r) {
      float* const row = input.values + r * width_;
      fill(r, row);
      input.rows.quantize(r, row);
    };
    if (many_rows()) {
      member.share(tokens_, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
          quantize(r);
        }
        for (Int8LoraDown* down : active_) {
          down->compute(input.rows, first, last);
        }
      });
      kernels::cpu::multiply(member, second_, &input.rows);
      return;
    }
    if (own_) {
      input.resize(tokens_, width_, block_);
    }
    make_rows(member, tokens_, own_, quantize);
    multiply_first(member, input.rows);
    if (!second_.empty()) {
      kernels::cpu::multiply(member, second_);
    }
  }

  const Outputs& outputs() const noexcept { return outputs_; }

 private:
  /// The input's T rows, for all threads or for one.
  struct Input {
    kernels::cpu::Int8Rows rows{kernels::cpu::kRanks};
    kernels::cpu::FloatBuffer memory;
    float* values = nullptr;  // [T,width]

    void resize(std::int64_t tokens, std::int64_t width, std::int64_t block);
  };

  /// With many rows, every thread computes A x for its own rows, and W x and the product of B with A x are
  /// summed together. With few, reading the matrices dominates: the threads split W and whole A's, then B. A
  /// whole A per thread saves a barrier before its scaling; the products with W keep the other threads busy,
  /// as long as these are few.
  bool many_rows() const noexcept;
  void add_linear(const Int8Model::Linear& linear, float* y, Int8LoraDown& down);
  void multiply_first(kernels::cpu::Team::Member& member, const kernels::cpu::Int8Rows& input);

  std::int64_t tokens_ = 0;  // T
  bool own_ = false;         // whether every thread computes all rows
  std::int64_t width_ = 0;
  std::int64_t block_ = 0;     // block size of the input's rows
  std::vector<Input> inputs_;  // one, or one per thread
  std::array<kernels::cpu::FloatBuffer, 3> output_memory_;
  Outputs outputs_{};
  std::array<Int8LoraDown, 3> downs_;
  std::vector<Int8LoraDown*> active_;       ///< of linears adapted by an expert with weight
  std::vector<kernels::cpu::Task> first_;   ///< next to A x: W x if there are few rows
  std::vector<kernels::cpu::Task> second_;  ///< after A x; with many rows also W x
};

}  // namespace routedk::decode
