#include "flash_attention.h"

#include <utility>

namespace routedk::kernels::cpu {
namespace {

/// Tokens begin..end of x [T,heads,C] as [G,heads/G,t,C]: each key/value head is a batch of its own, so that
/// the query heads that share it need no copies of it.
at::Tensor sequence(const at::Tensor& x, std::int64_t begin, std::int64_t end, std::int64_t groups) {
  return x.slice(0, begin, end).view({end - begin, groups, -1, x.size(2)}).permute({1, 2, 0, 3});
}

/// Sequence s of q, k and v, keys and values as wide as the queries.
class Sequence {
 public:
  Sequence(const AttentionInput& input, std::size_t s)
      : begin_(input.bounds[s]),
        end_(input.bounds[s + 1]),
        groups_(input.k.size(1)),
        q(part(input.q)),
        k(part(input.k).expand_as(q)),
        v(part(input.v).expand_as(q)) {}
  at::Tensor part(const at::Tensor& x) const { return sequence(x, begin_, end_, groups_); }

 private:
  std::int64_t begin_;
  std::int64_t end_;
  std::int64_t groups_;

 public:
  at::Tensor q;  // [G,H/G,t,C], as the next two
  at::Tensor k;
  at::Tensor v;
};

}  // namespace

AttentionOutput flash_attention(const AttentionInput& input) {
  AttentionOutput output{at::empty_like(input.q), {}};
  for (std::size_t s = 0; s + 1 < input.bounds.size(); ++s) {
    const Sequence at(input, s);
    auto [out, log_sums] = at::_scaled_dot_product_flash_attention_for_cpu(at.q, at.k, at.v, 0.0,
                                                                           /*is_causal=*/true);
    at.part(output.out).copy_(out);
    output.log_sums.push_back(std::move(log_sums));
  }
  return output;
}

AttentionGradients flash_attention_backward(const AttentionInput& input, const AttentionOutput& output,
                                            const at::Tensor& dout) {
  AttentionGradients gradients{at::empty_like(input.q), at::empty_like(input.k), at::empty_like(input.v)};
  for (std::size_t s = 0; s + 1 < input.bounds.size(); ++s) {
    const Sequence at(input, s);
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        at.part(dout), at.q, at.k, at.v, at.part(output.out), output.log_sums[s], 0.0, /*is_causal=*/true);
    at.part(gradients.q).copy_(dq);
    at.part(gradients.k).copy_(dk.sum(1, /*keepdim=*/true));
    at.part(gradients.v).copy_(dv.sum(1, /*keepdim=*/true));
  }
  return gradients;
}

}  // namespace routedk::kernels::cpu
