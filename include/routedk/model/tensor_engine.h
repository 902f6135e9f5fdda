/// The decoder layer on tensors, recorded by autograd: for training, and as the reference of every other
/// engine.
#pragma once

#include "routedk/kernels/attention.h"
#include "routedk/kernels/kv_cache.h"
#include "routedk/kernels/rms_norm.h"
#include "routedk/kernels/rotary.h"
#include "routedk/kernels/swiglu.h"
#include "routedk/model/batch.h"
#include "routedk/model/layer.h"

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// State that the layers of one forward pass share.
struct LayerPass {
  const FlatBatch& batch;
  kernels::RotaryTables rotary;
  std::vector<kernels::Segment> segments;  ///< of the batch
  at::ScalarType operands = at::kFloat;    ///< type of the linears' inputs
  kernels::KvCache* cache = nullptr;  ///< keys and values of earlier tokens; null: only those of the batch
  std::span<const kernels::CacheRow> cache_rows = {};  // [T] the tokens' places in the cache
  const BatchPart* keep = nullptr;  ///< rows to keep after the last layer's attention; null: all
};

/// Linears without adapters.
struct NoAdapters {
  std::vector<at::Tensor> operator()(Projection projection, const Layer& layer, const at::Tensor& x) const {
    std::vector<at::Tensor> outputs;
    for (const Linear linear : linears_of(projection)) {
      outputs.push_back(layer[linear].forward(x));
    }
    return outputs;
  }
};

/// Computes layer `index`. adapters(projection, layer, x [n,in]) gives the outputs of its adapted linears,
/// each [n,out]; n is T, or the number of rows kept. The pass's batch, cache and rows must live as long as
/// backward may recompute the layer.
template <typename Adapters>
class TensorEngine {
 public:
  using Hidden = at::Tensor;                // [n,D]
  using Outputs = std::vector<at::Tensor>;  // [n,out] each, or split into heads [n,H,C]

  TensorEngine(const LlamaConfig& config, const Layer& layer, std::int64_t index, const LayerPass& pass,
               const Adapters& adapters)
      : config_(config), layer_(layer), index_(index), pass_(pass), adapters_(adapters) {}

  at::Tensor norm(Norm norm, const Hidden& hidden) const {
    return kernels::rms_norm(hidden, norm == Norm::kAttention ? layer_.attention_norm : layer_.mlp_norm,
                             config_.rms_eps, pass_.operands);
  }

  Outputs project(Projection projection, const at::Tensor& x) const {
    return adapters_(projection, layer_, x);
  }

  void rotate(Outputs& qkv) const {
    for (at::Tensor& heads : qkv) {
      heads = heads.view({heads.size(0), -1, config_.head_dim});
    }
    qkv[0] = kernels::rotate(qkv[0], pass_.rotary);
    qkv[1] = kernels::rotate(qkv[1], pass_.rotary);
  }

  at::Tensor attend(const Outputs& qkv) const {
    const at::Tensor seen = cached_or_causal(qkv);  // [T,H,C]
    return kept(seen.reshape({seen.size(0), -1}));
  }

  at::Tensor swiglu(const Outputs& gate_up) const { return kernels::swiglu(gate_up[0], gate_up[1]); }

  Hidden add(const Hidden& hidden, const Outputs& projected) const {
    return (hidden.size(0) == projected[0].size(0) ? hidden : kept(hidden)) + projected[0];
  }

 private:
  at::Tensor cached_or_causal(const Outputs& qkv) const {
    if (pass_.cache == nullptr) {
      return kernels::causal_attention(qkv[0], qkv[1], qkv[2], pass_.segments,
                                       layer_[Linear::kQ].precision());
    }
    pass_.cache->write(index_, pass_.cache_rows, qkv[1], qkv[2]);
    return pass_.cache->attend(index_, pass_.cache_rows, qkv[0]);
  }

  at::Tensor kept(const at::Tensor& x) const {
    const bool last = index_ + 1 == config_.layers;
    return pass_.keep != nullptr && last ? x.index_select(0, pass_.keep->rows) : x;
  }

  const LlamaConfig& config_;
  const Layer& layer_;
  std::int64_t index_;
  const LayerPass& pass_;
  const Adapters& adapters_;
};

}  // namespace routedk::model
