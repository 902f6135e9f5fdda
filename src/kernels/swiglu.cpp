#include "routedk/kernels/swiglu.h"

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SwiGlu : torch::autograd::Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_in, const at::Tensor& up_in) {
    const at::Tensor gate = gate_in.contiguous();
    const at::Tensor up = up_in.contiguous();
    ctx->save_for_backward({gate, up});
    return gate.is_cuda() ? cuda::swiglu(gate, up) : cpu::swiglu(gate, up);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    auto [dgate, dup] = dy.is_cuda() ? cuda::swiglu_backward(dy, saved[0], saved[1])
                                     : cpu::swiglu_backward(dy, saved[0], saved[1]);
    return {std::move(dgate), std::move(dup)};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return SwiGlu::apply(gate, up);
}

}  // namespace routedk::kernels
