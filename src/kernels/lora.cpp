#include "routedk/kernels/lora.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The inputs of the node that are not differentiated.
struct Setting : torch::CustomClassHolder {
  Setting(std::vector<AdaptedLinear> l, Values v) : linears(std::move(l)), values(v) {}
  std::vector<AdaptedLinear> linears;  ///< without their factors, which are inputs of the node
  Values values;

  std::size_t parts() const { return linears.front().parts.size(); }
  const LoraRows& part(std::size_t linear, std::size_t part) const { return linears[linear].parts[part]; }
  Precision precision() const { return linears.front().linear.precision(); }

  /// Whether all linears have adapters for the same rows, and none drops inputs: then one product computes
  /// all A factors of a part.
  bool alike() const {
    return std::all_of(linears.begin(), linears.end(), [&](const AdaptedLinear& each) {
      return std::equal(each.parts.begin(), each.parts.end(), linears.front().parts.begin(),
                        linears.front().parts.end(), [](const LoraRows& a, const LoraRows& b) {
                          return a.begin == b.begin && a.end == b.end && a.dropout.keeps_all() &&
                                 b.dropout.keeps_all() && a.factors.scale == b.factors.scale;
                        });
    });
  }
};

at::Tensor rows_of(const at::Tensor& x, const LoraRows& part) {
  return x.slice(0, part.begin, part.end);
}

/// Per linear and part.
using ByPart = std::vector<std::vector<at::Tensor>>;

/// The tensor of each linear for one part.
std::vector<at::Tensor> across(const ByPart& of, std::size_t part) {
  std::vector<at::Tensor> found;
  std::transform(of.begin(), of.end(), std::back_inserter(found),
                 [part](const auto& parts) { return parts[part]; });
  return found;
}

/// Splits `stacked` along `dim` into the sizes that `like`'s tensors have along 0, one per linear of a part.
void split(const at::Tensor& stacked, std::int64_t dim, std::size_t part, const ByPart& like, ByPart& to) {
  std::int64_t first = 0;
  for (std::size_t l = 0; l < like.size(); ++l) {
    const std::int64_t size = like[l][part].size(0);
    to[l][part] = stacked.narrow(dim, first, size);
    first += size;
  }
}

ByPart like(const ByPart& other) {
  ByPart made(other.size());
  for (std::size_t l = 0; l < other.size(); ++l) {
    made[l].resize(other[l].size());
  }
  return made;
}

/// x [T,in], factors A -> s (dropout(x) A^T) [t,r]
ByPart projected_down(const Setting& setting, const at::Tensor& x, const ByPart& a) {
  ByPart down = like(a);
  if (setting.alike()) {
    for (std::size_t p = 0; p < setting.parts(); ++p) {
      const LoraRows& part = setting.part(0, p);
      split(lora_down(rows_of(x, part), at::cat(across(a, p)), part.factors.scale, setting.precision()), 1, p,
            a, down);
    }
    return down;
  }
  for (std::size_t l = 0; l < a.size(); ++l) {
    for (std::size_t p = 0; p < a[l].size(); ++p) {
      const LoraRows& part = setting.part(l, p);
      down[l][p] =
          lora_down(part.dropout(rows_of(x, part)), a[l][p], part.factors.scale, setting.precision());
    }
  }
  return down;
}

/// x [T,in], the gradients of projected_down() [t,r] -> those of A [r,in]
ByPart gradients_of_a(const Setting& setting, const at::Tensor& x, const ByPart& ddown, const ByPart& a) {
  ByPart found = like(a);
  if (setting.alike()) {
    for (std::size_t p = 0; p < setting.parts(); ++p) {
      split(
          factor_gradient(at::cat(across(ddown, p), 1), rows_of(x, setting.part(0, p)), setting.precision()),
          0, p, a, found);
    }
    return found;
  }
  for (std::size_t l = 0; l < a.size(); ++l) {
    for (std::size_t p = 0; p < a[l].size(); ++p) {
      const LoraRows& part = setting.part(l, p);
      found[l][p] = factor_gradient(ddown[l][p], part.dropout(rows_of(x, part)), setting.precision());
    }
  }
  return found;
}

/// dy [T,out] of each linear and ddown -> dx [T,in]
at::Tensor gradient_of_x(const Setting& setting, const std::vector<at::Tensor>& dy, const ByPart& ddown,
                         const ByPart& a) {
  at::Tensor dx;
  for (std::size_t l = 0; l < dy.size(); ++l) {
    LowRanks terms;
    for (std::size_t p = 0; p < a[l].size(); ++p) {
      if (setting.part(l, p).dropout.keeps_all()) {
        terms.push_back({ddown[l][p], a[l][p].to(dy[l].scalar_type()), setting.part(l, p).begin});
      }
    }
    dx = setting.linears[l].linear.multiply_backward(dy[l], terms, dx);
    for (std::size_t p = 0; p < a[l].size(); ++p) {
      const LoraRows& part = setting.part(l, p);
      if (!part.dropout.keeps_all()) {
        part.dropout.add_product(rows_of(dx, part), ddown[l][p], a[l][p].to(dy[l].scalar_type()));
      }
    }
  }
  return dx;
}

struct LoraLinears : torch::autograd::Function<LoraLinears> {
  /// factors: a [r,in] and bt [r,out] of each linear's parts
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, at::TensorList factors,
                               const c10::intrusive_ptr<Setting>& setting) {
    ByPart a;
    ByPart bt;
    sort(factors.vec(), *setting, a, bt);
    const ByPart down = projected_down(*setting, x, a);
    variable_list saved = {x};
    variable_list outputs;
    for (std::size_t l = 0; l < a.size(); ++l) {
      LowRanks terms;
      for (std::size_t p = 0; p < a[l].size(); ++p) {
        terms.push_back({down[l][p], bt[l][p].to(x.scalar_type()), setting->part(l, p).begin});
        saved.insert(saved.end(), {down[l][p], a[l][p], bt[l][p]});
      }
      const FrozenLinear& linear = setting->linears[l].linear;
      outputs.push_back(setting->values == Values::kRead ? linear.multiply(x, terms)
                                                         : linear.unread_output(x));
    }
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["setting"] = c10::IValue::make_capsule(setting);
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto setting = c10::static_intrusive_pointer_cast<Setting>(ctx->saved_data["setting"].toCapsule());
    const at::Tensor& x = saved[0];
    ByPart down(grads.size());
    ByPart a(grads.size());
    ByPart ddown(grads.size());
    ByPart dbt(grads.size());
    std::vector<at::Tensor> dy;
    std::size_t next = 1;
    for (std::size_t l = 0; l < grads.size(); ++l) {
      dy.push_back(grads[l].to(x.scalar_type()).contiguous());
      for (const LoraRows& part : setting->linears[l].parts) {
        const at::Tensor above = rows_of(dy[l], part);  // [t,out]
        const at::Tensor& bt = saved[next + 2];
        ddown[l].push_back(lora_down(above, bt, part.factors.scale, setting->precision()));  // [t,r]
        dbt[l].push_back(factor_gradient(saved[next], above, setting->precision()).to(bt.scalar_type()));
        a[l].push_back(saved[next + 1]);
        next += 3;
      }
    }
    const ByPart da = gradients_of_a(*setting, x, ddown, a);
    variable_list gradients = {ctx->needs_input_grad(0) ? gradient_of_x(*setting, dy, ddown, a)
                                                        : at::Tensor()};
    for (std::size_t l = 0; l < a.size(); ++l) {
      for (std::size_t p = 0; p < a[l].size(); ++p) {
        gradients.insert(gradients.end(), {da[l][p].to(a[l][p].scalar_type()), dbt[l][p]});
      }
    }
    gradients.emplace_back();
    return gradients;
  }

 private:
  static void sort(const std::vector<at::Tensor>& factors, const Setting& setting, ByPart& a, ByPart& bt) {
    auto next = factors.begin();
    for (const AdaptedLinear& each : setting.linears) {
      a.emplace_back();
      bt.emplace_back();
      for (std::size_t p = 0; p < each.parts.size(); ++p) {
        a.back().push_back(*next++);
        bt.back().push_back(*next++);
      }
    }
  }
};

}  // namespace

at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale, Precision precision) {
  return x.is_cuda() ? cuda::lora_down(x, factor, scale, precision)
                     : cpu::lora_down(x, factor, scale, precision);
}

at::Tensor factor_gradient(const at::Tensor& down, const at::Tensor& x, Precision precision) {
  return x.is_cuda() ? cuda::factor_gradient(down, x, precision) : cpu::factor_gradient(down, x, precision);
}

std::vector<at::Tensor> lora_linears(std::vector<AdaptedLinear> linears, const at::Tensor& x, Values values) {
  variable_list factors;
  for (AdaptedLinear& each : linears) {
    for (LoraRows& part : each.parts) {
      factors.insert(factors.end(), {std::move(part.factors.a), std::move(part.factors.bt)});
    }
  }
  return LoraLinears::apply(x, at::TensorList(factors),
                            c10::make_intrusive<Setting>(std::move(linears), values));
}

at::Tensor add_lora(const at::Tensor& y, const at::Tensor& x, const LoraStack& stack,
                    const at::Tensor& weights, bool batch_invariant) {
  if (batch_invariant && x.scalar_type() == at::kFloat) {  // bt is W of the backward product
    return multiply_backward(multiply(x, Dense{stack.a}) * weights, Dense{stack.bt}).add_(y);
  }
  const at::Tensor down = at::mm(x, stack.a.t()) * weights;
  return y.scalar_type() == down.scalar_type() ? at::addmm(y, down, stack.bt) : y + at::mm(down, stack.bt);
}

}  // namespace routedk::kernels
