#include "routedk/kernels/linear.h"

#include "routedk/core/error.h"

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Passes the linear through the autograd context; a copy shares the weight.
struct Held : torch::CustomClassHolder {
  explicit Held(FrozenLinear held) : linear(std::move(held)) {}
  FrozenLinear linear;
};

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const c10::intrusive_ptr<Held>& held) {
    ctx->saved_data["linear"] = c10::IValue::make_capsule(held);
    ctx->saved_data["type"] = static_cast<std::int64_t>(x.scalar_type());
    return held->linear.multiply(x);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(ctx->saved_data["linear"].toCapsule());
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    return {held->linear.multiply_backward(grads[0].to(type)), at::Tensor()};
  }
};

void require_columns(const at::Tensor& x, std::int64_t wanted) {
  if (x.dim() != 2 || x.size(1) != wanted) {
    throw_<Error>("a product with a frozen weight must get [T,{}], but gets {} instead", wanted,
                  c10::str(x.sizes()));
  }
}

}  // namespace

at::Tensor multiply(const at::Tensor& x, const Weight& weight, const LowRanks& terms, Precision precision,
                    std::optional<at::ScalarType> to) {
  require_columns(x, in_features(weight));
  const at::ScalarType type = to.value_or(x.scalar_type());
  return x.is_cuda() ? cuda::multiply(x, weight, terms, precision, type)
                     : cpu::multiply(x, weight, terms, precision, type);
}

at::Tensor multiply_backward(const at::Tensor& dy, const Weight& weight, const LowRanks& terms,
                             Precision precision, const at::Tensor& sum) {
  require_columns(dy, out_features(weight));
  return dy.is_cuda() ? cuda::multiply_backward(dy, weight, terms, precision, sum)
                      : cpu::multiply_backward(dy, weight, terms, precision, sum);
}

at::Tensor FrozenLinear::forward(const at::Tensor& x) const {
  return LinearFunction::apply(x, c10::make_intrusive<Held>(*this));
}

at::Tensor FrozenLinear::multiply(const at::Tensor& x, const LowRanks& terms) const {
  at::Tensor y = kernels::multiply(x, *weight_, terms, precision_, output_);
  return bias_.defined() ? y.add_(bias_) : y;
}

at::Tensor FrozenLinear::unread_output(const at::Tensor& x) const {
  return at::empty({x.size(0), out_features()}, x.options().dtype(output_.value_or(x.scalar_type())));
}

at::Tensor FrozenLinear::multiply_backward(const at::Tensor& dy, const LowRanks& terms,
                                           const at::Tensor& sum) const {
  return kernels::multiply_backward(dy, *weight_, terms, precision_, sum);
}

std::int64_t FrozenLinear::bytes() const {
  return kernels::bytes(*weight_) + (bias_.defined() ? static_cast<std::int64_t>(bias_.nbytes()) : 0);
}

}  // namespace routedk::kernels
