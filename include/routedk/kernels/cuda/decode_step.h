/// A decoding step of up to 64 rows on a GPU as one captured graph: products with the experts' stacked
/// factors, attention over shared prompts, logits. A build without CUDA supports no shape.
#pragma once

#include "routedk/kernels/kv_cache.h"
#include "routedk/kernels/weight.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels::cuda {

struct StepShape {
  std::int64_t layers = 0;    // L
  std::int64_t hidden = 0;    // D
  std::int64_t heads = 0;     // H
  std::int64_t kv_heads = 0;  // G
  std::int64_t head_dim = 0;  // C
  std::int64_t ffn = 0;       // F
  std::int64_t vocab = 0;     // V
  std::int64_t experts = 0;   // K
  double epsilon = 0.0;
};

/// How a step stores the frozen linears: NF4 unchanged, everything else decoded.
enum class StepFormat : std::uint8_t { kNf4, kBf16 };

/// A linear and the factors of all experts for it.
struct StepLinear {
  const Weight* weight = nullptr;
  at::Tensor a;                      // [R,in], all experts stacked; undefined: no expert adapts it
  at::Tensor bt;                     // [R,out], times each expert's scale
  std::vector<std::uint8_t> expert;  // [R]: the expert of each rank
};
/// Linears that share their input: query, key and value; output; gate and up; down.
using StepProjections = std::array<std::vector<StepLinear>, 4>;

struct StepLayer {
  at::Tensor attention_norm;  // [D]
  at::Tensor mlp_norm;        // [D]
  StepProjections projections;
};

class DecodeStep {
 public:
  static constexpr std::int64_t kMostRows = 64;

  /// Whether the step supports a model of that shape: heads of 64 or 128 columns, at most 8 of them per key
  /// head; and whether it can store a linear's weight in that format: NF4 in whole blocks, or multiples of 16
  /// rows and 64 columns.
  static bool fits(const StepShape& shape);
  static bool fits(const Weight& weight, StepFormat format);

  /// Copies all that it needs, in its own layout. embedding and head [V,D]; norm [D]; inverse_frequencies
  /// [C/2].
  DecodeStep(const StepShape& shape, StepFormat format, const at::Tensor& embedding, const at::Tensor& head,
             const at::Tensor& norm, const at::Tensor& inverse_frequencies);
  void add_layer(const StepLayer& layer);
  ~DecodeStep();
  DecodeStep(const DecodeStep&) = delete;
  DecodeStep& operator=(const DecodeStep&) = delete;

  /// The most rows of one step on this GPU, a power of 2: a block's shared memory must hold its share of x.
  /// 0: not even one row fits. Valid once all layers are added.
  std::int64_t most_rows() const;

  struct Row {
    std::int64_t token;
    std::int64_t position;  ///< in its sequence
    std::int64_t alpha;     ///< row of alpha
    CacheRow place;         ///< in a branch
  };
  struct Output {
    at::Tensor hidden;  // [n,D] F32 after the final norm; valid, like logits, until the next run
    at::Tensor logits;  // [n,V] F32
  };
  /// n <= most_rows() rows; those of one prompt are adjacent, those of one branch in order. alpha [L,S,K]
  /// F32: while it is the same tensor, its values must not change. cache is bfloat16; keys and values are
  /// added to it. A row's results depend on that row alone, given the number of rows rounded up to a power of
  /// 2.
  Output run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);

  /// Bytes of weights that a step reads, with all experts or with none.
  std::int64_t bytes(bool experts) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace routedk::kernels::cuda
