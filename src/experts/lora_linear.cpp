#include "routedk/experts/lora_linear.h"

#include "routedk/quant/low_rank.h"

#include <utility>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::experts {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What of a site is not differentiated.
struct Setting : torch::CustomClassHolder {
  Setting(quant::FrozenLinear w, double s, KeyedDropout d)
      : weight(std::move(w)), scale(s), dropout(std::move(d)) {}
  quant::FrozenLinear weight;
  double scale;
  KeyedDropout dropout;
};

struct LoraLinear : torch::autograd::Function<LoraLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& a,
                            const at::Tensor& bt, const c10::intrusive_ptr<Setting>& setting) {
    const at::Tensor narrow = quant::into_rank(setting->dropout(x), a, setting->scale);  // [t,r]
    ctx->save_for_backward({x, narrow, a, bt});
    ctx->saved_data["setting"] = c10::IValue::make_capsule(setting);
    return setting->weight.multiply(x, {narrow, bt.to(x.scalar_type())});
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto setting = c10::static_intrusive_pointer_cast<Setting>(ctx->saved_data["setting"].toCapsule());
    const at::Tensor& a = saved[2];
    const at::Tensor& bt = saved[3];
    const at::Tensor dy = grads[0].contiguous();
    const at::Tensor dnarrow = quant::into_rank(dy, bt, setting->scale);            // [t,r]
    const at::Tensor da = quant::over_tokens(dnarrow, setting->dropout(saved[0]));  // [r,in]
    const at::Tensor dbt = quant::over_tokens(saved[1], dy);                        // [r,out]
    const at::Tensor dx = ctx->needs_input_grad(0) ? to_input(*setting, dy, dnarrow, a) : at::Tensor();
    return {dx, da.to(a.scalar_type()), dbt.to(bt.scalar_type()), at::Tensor()};
  }

  /// dy [t,out], dnarrow [t,r] -> dx [t,in]
  static at::Tensor to_input(const Setting& setting, const at::Tensor& dy, const at::Tensor& dnarrow,
                             const at::Tensor& a) {
    const at::Tensor right = a.to(dy.scalar_type());
    if (setting.dropout.keeps_all()) {
      return setting.weight.multiply_backward(dy, {dnarrow, right});
    }
    return setting.weight.multiply_backward(dy).add_(setting.dropout(at::mm(dnarrow, right)));
  }
};

}  // namespace

at::Tensor lora_linear(const quant::FrozenLinear& weight, const LoraFactors& factors, KeyedDropout dropout,
                       const at::Tensor& x) {
  return LoraLinear::apply(x, factors.a, factors.bt,
                           c10::make_intrusive<Setting>(weight, factors.scale, std::move(dropout)));
}

}  // namespace routedk::experts
