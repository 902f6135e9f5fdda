/// One decoder layer: norm, attention, norm, SwiGLU, both with a residual.
#pragma once

#include "routedk/model/config.h"
#include "routedk/model/rotary.h"
#include "routedk/quant/frozen_linear.h"

#include <array>
#include <functional>

#include <ATen/ATen.h>

namespace routedk::model {

/// (layer, q [T,H,C], k [T,G,C], v [T,G,C]) -> [T,H,C]: what the queries see. q and k are rotated.
using AttendFn =
    std::function<at::Tensor(std::int64_t, const at::Tensor&, const at::Tensor&, const at::Tensor&)>;

/// (linear, its frozen weight, x [n,in]) -> x W^T + b [n,out] plus what an adapter adds. n is T or, after the
/// attention of a last layer that keeps some rows only, their number.
using LinearFn = std::function<at::Tensor(Linear, const quant::FrozenLinear&, const at::Tensor&)>;

/// (hidden [T,D], how its linears are computed; empty: as they are) -> one layer's output [n,D]. It can be
/// called again until backward is over.
using LayerFn = std::function<at::Tensor(const at::Tensor&, const LinearFn&)>;

/// (layer, its input hidden states [T,D], what computes it) -> its output [n,D]: where a layer is adapted.
using RunFn = std::function<at::Tensor(std::int64_t, const at::Tensor&, const LayerFn&)>;

struct Layer {
  at::Tensor attention_norm;  // [D]
  at::Tensor mlp_norm;        // [D]
  std::array<quant::FrozenLinear, kLinears> linears;

  const quant::FrozenLinear& operator[](Linear linear) const {
    return linears[static_cast<std::size_t>(linear)];
  }
};

/// What every layer of one forward pass shares.
struct LayerContext {
  const LlamaConfig& config;
  RotaryTables rotary;
  AttendFn attend;
  at::Tensor keep;  // [A] I64: rows that the last layer's attention hands on; undefined: all
};

/// hidden [T,D] -> [n,D]
at::Tensor layer_forward(const Layer& layer, std::int64_t index, const at::Tensor& hidden,
                         const LayerContext& context, const LinearFn& run);

}  // namespace routedk::model
