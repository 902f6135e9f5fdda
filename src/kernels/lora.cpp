#include "routedk/kernels/lora.h"

#include <utility>

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What of a site is not differentiated.
struct Setting : torch::CustomClassHolder {
  Setting(FrozenLinear l, double s, KeyedDropout d) : linear(std::move(l)), scale(s), dropout(std::move(d)) {}
  FrozenLinear linear;
  double scale;
  KeyedDropout dropout;
};

struct LoraLinear : torch::autograd::Function<LoraLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& a,
                            const at::Tensor& bt, const c10::intrusive_ptr<Setting>& setting) {
    const at::Tensor narrow = lora_down(setting->dropout(x), a, setting->scale, setting->linear.precision());  // [t,r]
    ctx->save_for_backward({x, narrow, a, bt});
    ctx->saved_data["setting"] = c10::IValue::make_capsule(setting);
    return setting->linear.multiply(x, {narrow, bt.to(x.scalar_type())});
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto setting = c10::static_intrusive_pointer_cast<Setting>(ctx->saved_data["setting"].toCapsule());
    const at::Tensor& a = saved[2];
    const at::Tensor& bt = saved[3];
    const at::Tensor dy = grads[0].contiguous();
    const Precision precision = setting->linear.precision();
    const at::Tensor dnarrow = lora_down(dy, bt, setting->scale, precision);                // [t,r]
    const at::Tensor da = factor_gradient(dnarrow, setting->dropout(saved[0]), precision);  // [r,in]
    const at::Tensor dbt = factor_gradient(saved[1], dy, precision);                        // [r,out]
    const at::Tensor dx = ctx->needs_input_grad(0) ? to_input(*setting, dy, dnarrow, a) : at::Tensor();
    return {dx, da.to(a.scalar_type()), dbt.to(bt.scalar_type()), at::Tensor()};
  }

  /// dy [t,out], dnarrow [t,r] -> dx [t,in]
  static at::Tensor to_input(const Setting& setting, const at::Tensor& dy, const at::Tensor& dnarrow,
                             const at::Tensor& a) {
    const at::Tensor right = a.to(dy.scalar_type());
    if (setting.dropout.keeps_all()) {
      return setting.linear.multiply_backward(dy, {dnarrow, right});
    }
    return setting.linear.multiply_backward(dy).add_(setting.dropout(at::mm(dnarrow, right)));
  }
};

}  // namespace

at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale, Precision precision) {
  return x.is_cuda() ? cuda::lora_down(x, factor, scale, precision)
                     : cpu::lora_down(x, factor, scale, precision);
}

at::Tensor factor_gradient(const at::Tensor& narrow, const at::Tensor& x, Precision precision) {
  return x.is_cuda() ? cuda::factor_gradient(narrow, x, precision)
                     : cpu::factor_gradient(narrow, x, precision);
}

at::Tensor lora_linear(const FrozenLinear& linear, const LoraFactors& factors, KeyedDropout dropout,
                       const at::Tensor& x) {
  return LoraLinear::apply(x, factors.a, factors.bt,
                           c10::make_intrusive<Setting>(linear, factors.scale, std::move(dropout)));
}

at::Tensor add_lora(const at::Tensor& y, const at::Tensor& x, const LoraStack& stack,
                    const at::Tensor& weights, bool batch_invariant) {
  if (batch_invariant &&
      x.scalar_type() == at::kFloat) {  // B's columns are rows of the result: W of the backward product
    return multiply_backward(multiply(x, Dense{stack.a}) * weights, Dense{stack.bt}).add_(y);
  }
  return at::addmm(y, at::mm(x, stack.a.t()) * weights, stack.bt);
}

}  // namespace routedk::kernels
