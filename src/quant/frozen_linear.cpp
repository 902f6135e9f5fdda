#include "routedk/quant/frozen_linear.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Carries the shared weight through the autograd context.
struct WeightHandle : torch::CustomClassHolder {
  explicit WeightHandle(std::shared_ptr<const PackedWeight> shared) : weight(std::move(shared)) {}
  std::shared_ptr<const PackedWeight> weight;
};

/// y = x W^T; dL/dx = dL/dy W.
struct PackedMatmul : torch::autograd::Function<PackedMatmul> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x,
                            const c10::intrusive_ptr<WeightHandle>& handle) {
    ctx->saved_data["weight"] = c10::IValue::make_capsule(handle);
    return at::mm(x, handle->weight->dequantize(x.scalar_type()).t());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto handle =
        c10::static_intrusive_pointer_cast<WeightHandle>(ctx->saved_data["weight"].toCapsule());
    const at::Tensor& grad = grads[0];
    return {at::mm(grad, handle->weight->dequantize(grad.scalar_type())), at::Tensor()};
  }
};

}  // namespace

at::Tensor FrozenLinear::forward(const at::Tensor& x) const {
  const at::Tensor y = packed_ == nullptr
                           ? at::mm(x, dense_.t())
                           : PackedMatmul::apply(x, c10::make_intrusive<WeightHandle>(packed_));
  return bias_.defined() ? y + bias_ : y;
}

std::int64_t FrozenLinear::bytes() const noexcept {
  const auto held = [](const at::Tensor& t) {
    return t.defined() ? t.numel() * static_cast<std::int64_t>(t.element_size()) : 0;
  };
  return (packed_ ? packed_->bytes() : held(dense_)) + held(bias_);
}

}  // namespace routedk::quant
