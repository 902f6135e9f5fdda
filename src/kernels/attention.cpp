#include "routedk/kernels/attention.h"

#include "routedk/core/error.h"

#include <utility>

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Begin, end and parent of each segment, in the form that autograd saves.
std::vector<std::int64_t> numbers_of(const std::vector<Segment>& segments) {
  std::vector<std::int64_t> numbers;
  for (const Segment& s : segments) {
    numbers.insert(numbers.end(), {s.begin, s.end, s.parent});
  }
  return numbers;
}

std::vector<Segment> segments_of(const std::vector<std::int64_t>& numbers) {
  std::vector<Segment> segments;
  for (std::size_t i = 0; i < numbers.size(); i += 3) {
    segments.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  }
  return segments;
}

void require_parents(const std::vector<Segment>& segments) {
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const std::int64_t parent = segments[s].parent;
    const bool known = parent < 0 || (parent < static_cast<std::int64_t>(s) &&
                                      segments[static_cast<std::size_t>(parent)].parent < 0);
    if (!known) {
      throw_<Error>("the parent of segment {} must be an earlier segment without a parent, but is {} instead",
                    s, parent);
    }
  }
}

struct CausalAttention : torch::autograd::Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<Segment>& segments, Precision precision) {
    const AttentionInput input{q, k, v, segments, precision};
    AttentionOutput output = q.is_cuda() ? cuda::attention(input) : cpu::attention(input);
    ctx->save_for_backward({q, k, v, output.out, output.log_sums});
    ctx->saved_data["segments"] = numbers_of(segments);
    ctx->saved_data["precision"] = static_cast<std::int64_t>(precision);
    return output.out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const AttentionInput input{saved[0], saved[1], saved[2],
                               segments_of(ctx->saved_data["segments"].toIntVector()),
                               static_cast<Precision>(ctx->saved_data["precision"].toInt())};
    const AttentionOutput output{saved[3], saved[4]};
    const at::Tensor dout = grads[0].contiguous();
    auto [dq, dk, dv] = dout.is_cuda() ? cuda::attention_backward(input, output, dout)
                                       : cpu::attention_backward(input, output, dout);
    return {std::move(dq), std::move(dk), std::move(dv), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<Segment>& segments, Precision precision) {
  require_parents(segments);
  return CausalAttention::apply(q.contiguous(), k.contiguous(), v.contiguous(), segments, precision);
}

}  // namespace routedk::kernels
