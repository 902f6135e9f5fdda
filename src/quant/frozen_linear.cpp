#include "routedk/quant/frozen_linear.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Carries the linear through the autograd context; a copy shares the weight.
struct Held : torch::CustomClassHolder {
  explicit Held(FrozenLinear held) : linear(std::move(held)) {}
  FrozenLinear linear;
};

/// Whether the fp32 product may read the codes: values that are to be rounded to a narrower type on the way,
/// as bitsandbytes does, go through the dense matrix.
bool direct(const at::Tensor& x, const PackedWeight& weight) {
  return x.scalar_type() == at::kFloat && weight.parts().dtype == at::kFloat;
}

/// The term for the product's own pass; `left` and `right` must be contiguous.
cpu::LowRankTerm term_of(const LowRank& more) {
  return more.left.defined() ? cpu::LowRankTerm{more.left.const_data_ptr<float>(),
                                                more.right.const_data_ptr<float>(), more.left.size(1)}
                             : cpu::LowRankTerm{};
}

/// product + left right, where the product's own pass has not added it.
at::Tensor plus(const at::Tensor& product, const LowRank& more) {
  return more.left.defined() ? product.addmm_(more.left, more.right) : product;
}

/// y = x W^T; dL/dx = dL/dy W.
struct PackedMatmul : torch::autograd::Function<PackedMatmul> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const c10::intrusive_ptr<Held>& held) {
    ctx->saved_data["linear"] = c10::IValue::make_capsule(held);
    return held->linear.multiply(x);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(ctx->saved_data["linear"].toCapsule());
    return {held->linear.multiply_backward(grads[0]), at::Tensor()};
  }
};

}  // namespace

at::Tensor FrozenLinear::forward(const at::Tensor& x) const {
  if (packed_ != nullptr) {
    return PackedMatmul::apply(x, c10::make_intrusive<Held>(*this));
  }
  const at::Tensor y = at::mm(x, dense_.t());
  return bias_.defined() ? y + bias_ : y;
}

at::Tensor FrozenLinear::multiply(const at::Tensor& x, const LowRank& more) const {
  at::Tensor y;
  if (packed_ != nullptr && direct(x, *packed_)) {
    const at::Tensor rows = x.contiguous();
    y = at::empty({x.size(0), out_features()}, x.options());
    cpu::matmul(rows.const_data_ptr<float>(), x.size(0), packed_->matrix(), y.mutable_data_ptr<float>(),
                term_of(more));
  } else {
    y = plus(at::mm(x, dense(x.scalar_type()).t()), more);
  }
  return bias_.defined() ? y.add_(bias_) : y;
}

at::Tensor FrozenLinear::multiply_backward(const at::Tensor& dy, const LowRank& more) const {
  if (packed_ == nullptr || !direct(dy, *packed_)) {
    return plus(at::mm(dy, dense(dy.scalar_type())), more);
  }
  const at::Tensor rows = dy.contiguous();
  at::Tensor dx = at::empty({dy.size(0), in_features()}, dy.options());
  cpu::matmul_backward(rows.const_data_ptr<float>(), dy.size(0), packed_->matrix(),
                       dx.mutable_data_ptr<float>(), term_of(more));
  return dx;
}

std::int64_t FrozenLinear::bytes() const noexcept {
  const auto held = [](const at::Tensor& t) {
    return t.defined() ? t.numel() * static_cast<std::int64_t>(t.element_size()) : 0;
  };
  return (packed_ ? packed_->bytes() : held(dense_)) + held(bias_);
}

}  // namespace routedk::quant
