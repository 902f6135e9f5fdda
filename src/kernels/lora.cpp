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
  Setting(FrozenLinear l, std::vector<LoraRows> p) : linear(std::move(l)), parts(std::move(p)) {}
  FrozenLinear linear;
  std::vector<LoraRows> parts;  ///< their factors are the node's inputs: undefined here

  at::Tensor rows(const at::Tensor& x, std::size_t part) const {
    return x.slice(0, parts[part].begin, parts[part].end);
  }
  at::Tensor dropped(const at::Tensor& x, std::size_t part) const {
    return parts[part].dropout(rows(x, part));
  }
};

struct LoraLinear : torch::autograd::Function<LoraLinear> {
  /// factors: a [r,in] and bt [r,out] of each part
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, at::TensorList factors,
                            const c10::intrusive_ptr<Setting>& setting) {
    LowRanks terms;
    variable_list saved = {x};
    for (std::size_t i = 0; i < setting->parts.size(); ++i) {
      const at::Tensor& a = factors[2 * i];
      const at::Tensor& bt = factors[2 * i + 1];
      const at::Tensor narrow = lora_down(setting->dropped(x, i), a, setting->parts[i].factors.scale,
                                          setting->linear.precision());  // [t,r]
      terms.push_back({narrow, bt.to(x.scalar_type()), setting->parts[i].begin});
      saved.insert(saved.end(), {narrow, a, bt});
    }
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["setting"] = c10::IValue::make_capsule(setting);
    return setting->linear.multiply(x, terms);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto setting = c10::static_intrusive_pointer_cast<Setting>(ctx->saved_data["setting"].toCapsule());
    const at::Tensor dy = grads[0].contiguous();
    const Precision precision = setting->linear.precision();
    LowRanks terms;
    variable_list gradients = {at::Tensor()};
    for (std::size_t i = 0; i < setting->parts.size(); ++i) {
      const at::Tensor& a = saved[3 * i + 2];
      const at::Tensor& bt = saved[3 * i + 3];
      const at::Tensor above = setting->rows(dy, i);                                                // [t,out]
      const at::Tensor dnarrow = lora_down(above, bt, setting->parts[i].factors.scale, precision);  // [t,r]
      gradients.push_back(
          factor_gradient(dnarrow, setting->dropped(saved[0], i), precision).to(a.scalar_type()));
      gradients.push_back(factor_gradient(saved[3 * i + 1], above, precision).to(bt.scalar_type()));
      terms.push_back({dnarrow, a.to(dy.scalar_type()), setting->parts[i].begin});
    }
    if (ctx->needs_input_grad(0)) {
      gradients[0] = to_input(*setting, dy, terms);
    }
    gradients.emplace_back();
    return gradients;
  }

  /// dy [T,out] and each part's dnarrow A -> dx [T,in]
  static at::Tensor to_input(const Setting& setting, const at::Tensor& dy, const LowRanks& terms) {
    LowRanks plain;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (setting.parts[i].dropout.keeps_all()) {
        plain.push_back(terms[i]);
      }
    }
    at::Tensor dx = setting.linear.multiply_backward(dy, plain);
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (!setting.parts[i].dropout.keeps_all()) {
        setting.rows(dx, i).add_(setting.parts[i].dropout(at::mm(terms[i].left, terms[i].right)));
      }
    }
    return dx;
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

at::Tensor lora_linear(const FrozenLinear& linear, std::vector<LoraRows> parts, const at::Tensor& x) {
  variable_list factors;
  for (LoraRows& part : parts) {
    factors.insert(factors.end(), {std::move(part.factors.a), std::move(part.factors.bt)});
  }
  return LoraLinear::apply(x, at::TensorList(factors),
                           c10::make_intrusive<Setting>(linear, std::move(parts)));
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
