#include "routedk/model/layer.h"

#include "routedk/model/rms_norm.h"
#include "routedk/model/swiglu.h"

namespace routedk::model {
namespace {

/// The layer's linears, adapted or not.
class Linears {
 public:
  Linears(const Layer& layer, const LinearFn& run) : layer_(layer), run_(run) {}

  at::Tensor operator()(Linear linear, const at::Tensor& x) const {
    return run_ ? run_(linear, layer_[linear], x) : layer_[linear].forward(x);
  }

 private:
  const Layer& layer_;
  const LinearFn& run_;
};

/// What the queries see of the values, [T,H*C].
at::Tensor attention(const at::Tensor& x, std::int64_t index, const LayerContext& c, const Linears& linear) {
  const std::int64_t head = c.config.head_dim;
  const at::Tensor q = linear(Linear::kQ, x).view({-1, c.config.heads, head});     // [T,H,C]
  const at::Tensor k = linear(Linear::kK, x).view({-1, c.config.kv_heads, head});  // [T,G,C]
  const at::Tensor v = linear(Linear::kV, x).view({-1, c.config.kv_heads, head});  // [T,G,C]
  return c.attend(index, rotate(q, c.rotary), rotate(k, c.rotary), v).reshape({x.size(0), -1});
}

at::Tensor mlp(const at::Tensor& x, const Linears& linear) {
  return linear(Linear::kDown, swiglu(linear(Linear::kGate, x), linear(Linear::kUp, x)));
}

}  // namespace

at::Tensor layer_forward(const Layer& layer, std::int64_t index, const at::Tensor& hidden,
                         const LayerContext& c, const LinearFn& run) {
  const Linears linear(layer, run);
  const bool cut = c.keep.defined() && index + 1 == c.config.layers;
  const auto kept = [&](const at::Tensor& x) { return cut ? x.index_select(0, c.keep) : x; };
  const at::Tensor seen =
      attention(rms_norm(hidden, layer.attention_norm, c.config.rms_eps), index, c, linear);
  const at::Tensor middle = kept(hidden) + linear(Linear::kO, kept(seen));
  return middle + mlp(rms_norm(middle, layer.mlp_norm, c.config.rms_eps), linear);
}

}  // namespace routedk::model
