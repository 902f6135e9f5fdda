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

/// Whether the fp32 product may read the codes: values that are to be rounded to a narrower type on the way,
/// as bitsandbytes does, go through the dense matrix.
bool direct(const at::Tensor& x, const PackedWeight& weight) {
  return x.scalar_type() == at::kFloat && weight.parts().dtype == at::kFloat;
}

/// x [T,in] -> x W^T [T,out]
at::Tensor matmul(const at::Tensor& x, const PackedWeight& weight) {
  if (!direct(x, weight)) {
    return at::mm(x, weight.dequantize(x.scalar_type()).t());
  }
  const at::Tensor rows = x.contiguous();
  at::Tensor y = at::empty({x.size(0), weight.out_features()}, x.options());
  cpu::matmul(rows.const_data_ptr<float>(), x.size(0), weight.matrix(), y.mutable_data_ptr<float>());
  return y;
}

/// dy [T,out] -> dy W [T,in]
at::Tensor matmul_backward(const at::Tensor& dy, const PackedWeight& weight) {
  if (!direct(dy, weight)) {
    return at::mm(dy, weight.dequantize(dy.scalar_type()));
  }
  const at::Tensor rows = dy.contiguous();
  at::Tensor dx = at::empty({dy.size(0), weight.in_features()}, dy.options());
  cpu::matmul_backward(rows.const_data_ptr<float>(), dy.size(0), weight.matrix(),
                       dx.mutable_data_ptr<float>());
  return dx;
}

/// y = x W^T; dL/dx = dL/dy W.
struct PackedMatmul : torch::autograd::Function<PackedMatmul> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x,
                            const c10::intrusive_ptr<WeightHandle>& handle) {
    ctx->saved_data["weight"] = c10::IValue::make_capsule(handle);
    return matmul(x, *handle->weight);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto handle =
        c10::static_intrusive_pointer_cast<WeightHandle>(ctx->saved_data["weight"].toCapsule());
    return {matmul_backward(grads[0], *handle->weight), at::Tensor()};
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
