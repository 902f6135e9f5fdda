#include "routedk/model/recompute.h"

#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Body : torch::CustomClassHolder {
  explicit Body(RecomputeFn function) : f(std::move(function)) {}
  RecomputeFn f;
};

struct Recompute : torch::autograd::Function<Recompute> {
  /// The leaves connect the output to their gradients; backward through the second pass provides these.
  static at::Tensor forward(AutogradContext* ctx, const c10::intrusive_ptr<Body>& body, at::TensorList inputs,
                            at::TensorList leaves) {
    ctx->saved_data["body"] = c10::IValue::make_capsule(body);
    ctx->saved_data["leaves"] = static_cast<std::int64_t>(leaves.size());
    ctx->save_for_backward(inputs.vec());
    return body->f(inputs.vec(), Run::kValue);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto body = c10::static_intrusive_pointer_cast<Body>(ctx->saved_data["body"].toCapsule());
    variable_list inputs;
    for (const at::Tensor& saved : ctx->get_saved_variables()) {
      inputs.push_back(saved.detach().set_requires_grad(saved.requires_grad()));
    }
    at::Tensor output;
    {
      const at::AutoGradMode record(true);
      output = body->f(inputs, Run::kGradients);
    }
    torch::autograd::backward({output}, {grads[0]});
    variable_list back = {at::Tensor()};
    for (const at::Tensor& input : inputs) {
      back.push_back(input.grad());
    }
    back.resize(back.size() + static_cast<std::size_t>(ctx->saved_data["leaves"].toInt()));
    return back;
  }
};

}  // namespace

at::Tensor recompute(RecomputeFn f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& leaves) {
  return Recompute::apply(c10::make_intrusive<Body>(std::move(f)), at::TensorList(inputs),
                          at::TensorList(leaves));
}

}  // namespace routedk::model
