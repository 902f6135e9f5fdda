#include "routedk/model/attention.h"

#include <utility>

#include "cpu/attention.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Tokens begin..end of x [T,heads,C] as [G,heads/G,t,C]: each key/value head is a batch of its own, so that
/// the query heads that share it need no copies of it.
at::Tensor sequence(const at::Tensor& x, std::int64_t begin, std::int64_t end, std::int64_t groups) {
  return x.slice(0, begin, end).view({end - begin, groups, -1, x.size(2)}).permute({1, 2, 0, 3});
}

/// Softmax attention of one sequence after another, by LibTorch.
struct CausalAttention : torch::autograd::Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<std::int64_t>& bounds) {
    at::Tensor out = at::empty_like(q);
    std::vector<at::Tensor> saved = {q, k, v, out};
    for (std::size_t s = 0; s + 1 < bounds.size(); ++s) {
      const auto part = [&](const at::Tensor& x) { return sequence(x, bounds[s], bounds[s + 1], k.size(1)); };
      const at::Tensor queries = part(q);
      auto [seen, log_sums] = at::_scaled_dot_product_flash_attention_for_cpu(
          queries, part(k).expand_as(queries), part(v).expand_as(queries), 0.0, /*is_causal=*/true);
      part(out).copy_(seen);
      saved.push_back(std::move(log_sums));
    }
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["bounds"] = bounds;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto bounds = ctx->saved_data["bounds"].toIntVector();
    const at::Tensor dout = grads[0].contiguous();
    const at::Tensor& q = saved[0];
    const at::Tensor& k = saved[1];
    const at::Tensor& v = saved[2];
    at::Tensor dq = at::empty_like(q);
    at::Tensor dk = at::empty_like(k);
    at::Tensor dv = at::empty_like(v);
    for (std::size_t s = 0; s + 1 < bounds.size(); ++s) {
      const auto part = [&](const at::Tensor& x) { return sequence(x, bounds[s], bounds[s + 1], k.size(1)); };
      const at::Tensor queries = part(q);
      const auto [to_q, to_k, to_v] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          part(dout), queries, part(k).expand_as(queries), part(v).expand_as(queries), part(saved[3]),
          saved[4 + s], 0.0, /*is_causal=*/true);
      part(dq).copy_(to_q);
      part(dk).copy_(to_k.sum(1, /*keepdim=*/true));
      part(dv).copy_(to_v.sum(1, /*keepdim=*/true));
    }
    return {dq, dk, dv, at::Tensor()};
  }
};

/// The same in fp32 by our own kernel.
struct TiledAttention : torch::autograd::Function<TiledAttention> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::vector<std::int64_t>& bounds) {
    const cpu::AttentionOutput out = cpu::attend({q, k, v, bounds});
    ctx->save_for_backward({q, k, v, out.seen, out.log_sums});
    ctx->saved_data["bounds"] = bounds;
    return out.seen;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list saved = ctx->get_saved_variables();
    const auto [dq, dk, dv] =
        cpu::attend_backward({saved[0], saved[1], saved[2], ctx->saved_data["bounds"].toIntVector()},
                             {saved[3], saved[4]}, grads[0].contiguous());
    return {dq, dk, dv, at::Tensor()};
  }
};

}  // namespace

AttendFn causal_attention(const FlatBatch& batch) {
  return [&batch](std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    if (q.scalar_type() == at::kFloat) {
      return TiledAttention::apply(q.contiguous(), k.contiguous(), v.contiguous(), batch.cu_seqlens);
    }
    return CausalAttention::apply(q.contiguous(), k.contiguous(), v.contiguous(), batch.cu_seqlens);
  };
}

}  // namespace routedk::model
