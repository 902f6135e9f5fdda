/// A decoding step of up to 64 rows on a GPU as one captured graph: products with the experts' stacked
/// factors, attention over shared prompts, logits. In a build without CUDA nothing fits.
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

/// How a step holds the frozen linears: NF4 as it is, anything else decoded.
enum class StepFormat : std::uint8_t { kNf4, kBf16 };

/// A linear and all experts' factors for it.
struct StepLinear {
  const Weight* weight = nullptr;
  at::Tensor a;                      // [R,in], of all experts one below another; undefined: none adapts it
  at::Tensor bt;                     // [R,out], times each expert's scale
  std::vector<std::uint8_t> expert;  // [R]: whose rank it is
};
/// Those that share their input: query, key and value; output; gate and up; down.
using StepProjections = std::array<std::vector<StepLinear>, 4>;

struct StepLayer {
  at::Tensor attention_norm;  // [D]
  at::Tensor mlp_norm;        // [D]
  StepProjections projections;
};

class DecodeStep {
 public:
  static constexpr std::int64_t kMostRows = 64;

  /// Whether a model of that shape is computed: heads of 64 or 128 columns, at most 8 of them a key head; and
  /// whether a linear's weight can be held so: NF4 in whole blocks, or multiples of 16 rows and 64 columns.
  static bool fits(const StepShape& shape);
  static bool fits(const Weight& weight, StepFormat format);

  /// Copies all it needs in its own layout. embedding and head [V,D]; norm [D]; inverse_frequencies [C/2].
  DecodeStep(const StepShape& shape, StepFormat format, const at::Tensor& embedding, const at::Tensor& head,
             const at::Tensor& norm, const at::Tensor& inverse_frequencies);
  void add_layer(const StepLayer& layer);
  ~DecodeStep();
  DecodeStep(const DecodeStep&) = delete;
  DecodeStep& operator=(const DecodeStep&) = delete;

  /// Of one step on this GPU, a power of 2: its blocks' shared memory must hold their share of x. 0: it holds
  /// none. For once all layers are added.
  std::int64_t most_rows() const;

  struct Row {
    std::int64_t token;
    std::int64_t position;  ///< in its sequence
    std::int64_t alpha;     ///< row of alpha
    CacheRow place;         ///< of a branch
  };
  struct Output {
    at::Tensor hidden;  // [n,D] F32 after the final norm, until the next run, as the logits
    at::Tensor logits;  // [n,V] F32
  };
  /// n <= most_rows() rows, those of one prompt next to each other, those of one branch in order; alpha
  /// [L,S,K] F32, unchanged as long as it is the same tensor; cache in bfloat16, its keys and values are
  /// added to. A row's results depend on it alone, given the number of rows rounded up to a power of 2.
  Output run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);

  /// Bytes of weights that a step reads, of all experts or of none.
  std::int64_t bytes(bool experts) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace routedk::kernels::cuda
