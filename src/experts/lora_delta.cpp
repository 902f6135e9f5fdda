#include "routedk/experts/lora_delta.h"

#include <utility>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::experts {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What of a site is no tensor.
struct Setting : torch::CustomClassHolder {
  Setting(double s, KeyedDropout d) : scale(s), dropout(std::move(d)) {}
  double scale;
  KeyedDropout dropout;
};

struct AddLora : torch::autograd::Function<AddLora> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& y,
                            const at::Tensor& a, const at::Tensor& bt,
                            const c10::intrusive_ptr<Setting>& setting) {
    const at::Tensor narrow = at::mm(setting->dropout(x), a.to(x.scalar_type()).t());  // [t,r]
    ctx->save_for_backward({x, narrow, a, bt});
    ctx->saved_data["setting"] = c10::IValue::make_capsule(setting);
    return at::addmm(y, narrow, bt.to(x.scalar_type()), 1.0, setting->scale);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto setting = c10::static_intrusive_pointer_cast<Setting>(ctx->saved_data["setting"].toCapsule());
    const at::Tensor& x = saved[0];
    const at::Tensor& narrow = saved[1];
    const at::Tensor& a = saved[2];
    const at::Tensor& bt = saved[3];
    const at::Tensor dy = grads[0].contiguous();
    const at::Tensor dnarrow = at::mm(dy, bt.to(dy.scalar_type()).t()) * setting->scale;  // [t,r]
    const at::Tensor da = at::mm(dnarrow.t(), setting->dropout(x));                       // [r,in]
    const at::Tensor dbt = at::mm(narrow.t(), dy) * setting->scale;                       // [r,out]
    at::Tensor dx;
    if (ctx->needs_input_grad(0)) {
      dx = setting->dropout(at::mm(dnarrow, a.to(dy.scalar_type())));
    }
    return {dx, grads[0], da.to(a.scalar_type()), dbt.to(bt.scalar_type()), at::Tensor()};
  }
};

}  // namespace

at::Tensor add_lora(const LoraFactors& factors, KeyedDropout dropout, const at::Tensor& x,
                    const at::Tensor& y) {
  return AddLora::apply(x, y, factors.a, factors.bt,
                        c10::make_intrusive<Setting>(factors.scale, std::move(dropout)));
}

}  // namespace routedk::experts
