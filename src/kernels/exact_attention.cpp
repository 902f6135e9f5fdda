#include "exact_attention.h"

#include <cmath>
#include <limits>

namespace routedk::kernels {
namespace {

/// One segment's queries and the keys and values that they see, head by head.
class SegmentView {
 public:
  SegmentView(const AttentionInput& input, const Segment& segment)
      : segment_(segment),
        shared_(input.q.size(1) / input.k.size(1)),
        scale_(1.0 / std::sqrt(static_cast<double>(input.q.size(2)))) {
    const at::TensorOptions integers = at::TensorOptions(input.q.device()).dtype(at::kLong);
    std::vector<at::Tensor> seen;
    if (segment.parent >= 0) {
      const Segment& parent = input.segments[static_cast<std::size_t>(segment.parent)];
      seen.push_back(at::arange(parent.begin, parent.end, integers));
    }
    seen.push_back(at::arange(segment.begin, segment.end, integers));
    tokens = at::cat(seen);
    q = rows(input.q);
    k = keys(input.k);
    v = keys(input.v);
  }

  /// x [T,H,C] -> the queries' [H,t,C]
  at::Tensor rows(const at::Tensor& x) const {
    return x.slice(0, segment_.begin, segment_.end).transpose(0, 1);
  }
  /// [H,t,u]
  at::Tensor scores() const {
    const std::int64_t queries = q.size(1);
    const at::Tensor later = at::ones({queries, tokens.numel()}, tokens.options().dtype(at::kBool))
                                 .triu(tokens.numel() - queries + 1);
    return (at::matmul(q, k.transpose(1, 2)) * scale_)
        .masked_fill(later, -std::numeric_limits<double>::infinity());
  }
  /// Adds d [H,u,C] of the query heads to the key heads' [T,G,C].
  void add(const at::Tensor& d, const at::Tensor& to) const {
    const at::Tensor summed = d.view({-1, shared_, d.size(1), d.size(2)}).sum(1).transpose(0, 1);
    to.index_add_(0, tokens, summed);
  }
  double scale() const { return scale_; }

 private:
  at::Tensor keys(const at::Tensor& x) const {
    return x.index_select(0, tokens).transpose(0, 1).repeat_interleave(shared_, 0);
  }
  Segment segment_;
  std::int64_t shared_;  ///< query heads per key head
  double scale_;

 public:
  at::Tensor tokens;  // [u] the tokens seen, in order
  at::Tensor q;       // [H,t,C]
  at::Tensor k;       // [H,u,C]
  at::Tensor v;       // [H,u,C]
};

}  // namespace

AttentionOutput exact_attention(const AttentionInput& input) {
  AttentionOutput output{at::empty_like(input.q),
                         at::empty({input.q.size(0), input.q.size(1)}, input.q.options())};
  for (const Segment& segment : input.segments) {
    const SegmentView at(input, segment);
    const at::Tensor scores = at.scores();
    at.rows(output.out).copy_(at::matmul(scores.softmax(-1), at.v));
    output.log_sums.slice(0, segment.begin, segment.end).copy_(scores.logsumexp(-1).t());
  }
  return output;
}

AttentionGradients exact_attention_backward(const AttentionInput& input, const AttentionOutput& output,
                                            const at::Tensor& dout) {
  AttentionGradients gradients{at::empty_like(input.q), at::zeros_like(input.k), at::zeros_like(input.v)};
  for (const Segment& segment : input.segments) {
    const SegmentView at(input, segment);
    const at::Tensor weights = at.scores().softmax(-1);  // [H,t,u]
    const at::Tensor above = at.rows(dout);
    const at::Tensor along = (above * at.rows(output.out)).sum(-1, /*keepdim=*/true);
    const at::Tensor d = weights * (at::matmul(above, at.v.transpose(1, 2)) - along) * at.scale();
    at.rows(gradients.q).copy_(at::matmul(d, at.k));
    at.add(at::matmul(d.transpose(1, 2), at.q), gradients.k);
    at.add(at::matmul(weights.transpose(1, 2), above), gradients.v);
  }
  return gradients;
}

}  // namespace routedk::kernels
