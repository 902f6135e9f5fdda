#include "routedk/kernels/rms_norm.h"

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& input, const at::Tensor& weight,
                            double eps, at::ScalarType to) {
    const at::Tensor x = input.contiguous();
    NormOutput output = x.is_cuda() ? cuda::rms_norm(x, weight, eps, to) : cpu::rms_norm(x, weight, eps, to);
    // If the result has a narrower type, save it instead of x: the linears that take it keep it anyway, at no
    // cost.
    const bool keeps_output = to != x.scalar_type();
    ctx->save_for_backward({keeps_output ? output.y : x, weight, output.scale});
    ctx->saved_data["is_output"] = keeps_output;
    return output.y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    const NormInput input{saved[0], saved[1], saved[2], ctx->saved_data["is_output"].toBool()};
    return {dy.is_cuda() ? cuda::rms_norm_backward(dy, input) : cpu::rms_norm_backward(dy, input),
            at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps,
                    std::optional<at::ScalarType> to) {
  return RmsNorm::apply(x, weight, eps, to.value_or(x.scalar_type()));
}

}  // namespace routedk::kernels
