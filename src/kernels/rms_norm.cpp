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
    ctx->save_for_backward({x, weight, output.scale});
    return output.y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    const NormInput input{saved[0], saved[1], saved[2]};
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
