#include "routedk/kernels/attention.h"

#include <utility>

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct CausalAttention : torch::autograd::Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<std::int64_t>& bounds) {
    const AttentionInput input{q, k, v, bounds};
    AttentionOutput output = q.is_cuda() ? cuda::attention(input) : cpu::attention(input);
    variable_list saved = {q, k, v, output.out};
    saved.insert(saved.end(), output.log_sums.begin(), output.log_sums.end());
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["bounds"] = bounds;
    return output.out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const AttentionInput input{saved[0], saved[1], saved[2], ctx->saved_data["bounds"].toIntVector()};
    const AttentionOutput output{saved[3], {saved.begin() + 4, saved.end()}};
    const at::Tensor dout = grads[0].contiguous();
    auto [dq, dk, dv] = dout.is_cuda() ? cuda::attention_backward(input, output, dout)
                                       : cpu::attention_backward(input, output, dout);
    return {std::move(dq), std::move(dk), std::move(dv), at::Tensor()};
  }
};

}  // namespace

at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& bounds) {
  return CausalAttention::apply(q.contiguous(), k.contiguous(), v.contiguous(), bounds);
}

}  // namespace routedk::kernels
