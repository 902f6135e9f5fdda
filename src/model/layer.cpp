#include "routedk/model/layer.h"

#include "routedk/model/rms_norm.h"
#include "routedk/model/swiglu.h"

namespace routedk::model {
namespace {

/// The frozen product plus the adapter's share.
class AdaptedLinears {
 public:
  AdaptedLinears(const Layer& layer, const DeltaFn& delta) : layer_(layer), delta_(delta) {}

  at::Tensor operator()(Linear linear, const at::Tensor& x) const {
    const at::Tensor y = layer_[linear].forward(x);
    return delta_ ? delta_(linear, x, y) : y;
  }

 private:
  const Layer& layer_;
  const DeltaFn& delta_;
};

at::Tensor attention(const at::Tensor& x, std::int64_t index, const LayerContext& c,
                     const AdaptedLinears& linear) {
  const std::int64_t head = c.config.head_dim;
  const at::Tensor q = linear(Linear::kQ, x).view({-1, c.config.heads, head});     // [T,H,C]
  const at::Tensor k = linear(Linear::kK, x).view({-1, c.config.kv_heads, head});  // [T,G,C]
  const at::Tensor v = linear(Linear::kV, x).view({-1, c.config.kv_heads, head});  // [T,G,C]
  const at::Tensor seen = c.attend(index, rotate(q, c.rotary), rotate(k, c.rotary), v);
  return linear(Linear::kO, seen.reshape({x.size(0), -1}));
}

at::Tensor mlp(const at::Tensor& x, const AdaptedLinears& linear) {
  return linear(Linear::kDown, swiglu(linear(Linear::kGate, x), linear(Linear::kUp, x)));
}

}  // namespace

at::Tensor layer_forward(const Layer& layer, std::int64_t index, const at::Tensor& hidden,
                         const LayerContext& c, const DeltaFn& delta) {
  const AdaptedLinears linear(layer, delta);
  const at::Tensor middle =
      hidden + attention(rms_norm(hidden, layer.attention_norm, c.config.rms_eps), index, c, linear);
  return middle + mlp(rms_norm(middle, layer.mlp_norm, c.config.rms_eps), linear);
}

}  // namespace routedk::model
