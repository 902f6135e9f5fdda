/// Causal attention on a GPU: in bfloat16 LibTorch's flash attention (arXiv 2307.08691) over sequences of
/// different lengths, in float32 the formula.
#include <algorithm>
#include <numeric>

#include "../devices.h"
#include "../exact_attention.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

/// The keys that each segment's queries see, in flash attention's form: the last query sees all.
struct Spans {
  at::Tensor keys;         // [u] tokens of all segments' keys; undefined: those of the queries
  at::Tensor ends;         // [S+1] I32 of the queries
  at::Tensor key_ends;     // [S+1] I32
  std::int64_t most;       ///< most queries of a segment
  std::int64_t most_keys;  ///< most keys of a segment

  at::Tensor gathered(const at::Tensor& x) const { return keys.defined() ? x.index_select(0, keys) : x; }
  /// Sums d [u,G,C] by token -> [T,G,C].
  at::Tensor scattered(const at::Tensor& d, std::int64_t tokens) const {
    return keys.defined() ? at::zeros({tokens, d.size(1), d.size(2)}, d.options().dtype(at::kFloat))
                                .index_add_(0, keys, d.to(at::kFloat))
                                .to(d.scalar_type())
                          : d;
  }
};

Spans spans_of(const std::vector<Segment>& segments, at::Device device) {
  std::vector<std::int32_t> ends = {0};
  std::vector<std::int32_t> key_ends = {0};
  std::vector<std::int64_t> keys;
  bool shared = false;
  Spans spans{{}, {}, {}, 0, 0};
  for (const Segment& segment : segments) {
    const std::size_t before = keys.size();
    const auto add = [&](const Segment& seen) {
      keys.resize(keys.size() + static_cast<std::size_t>(seen.end - seen.begin));
      std::iota(keys.end() - (seen.end - seen.begin), keys.end(), seen.begin);
    };
    if (segment.parent >= 0) {
      shared = true;
      add(segments[static_cast<std::size_t>(segment.parent)]);
    }
    add(segment);
    ends.push_back(static_cast<std::int32_t>(segment.end));
    key_ends.push_back(static_cast<std::int32_t>(keys.size()));
    spans.most = std::max(spans.most, segment.end - segment.begin);
    spans.most_keys = std::max(spans.most_keys, static_cast<std::int64_t>(keys.size() - before));
  }
  const auto there = [&](const auto& numbers) {
    return at::tensor(numbers).to(device, /*non_blocking=*/true);
  };
  spans.ends = there(ends);
  spans.key_ends = there(key_ends);
  if (shared) {
    spans.keys = there(keys);
  }
  return spans;
}

bool same(const Segment& a, const Segment& b) {
  return a.begin == b.begin && a.end == b.end && a.parent == b.parent;
}

/// The layers of a pass need the same spans, so each thread caches its last ones.
const Spans& kept_spans_of(const std::vector<Segment>& segments, at::Device device) {
  struct Kept {
    std::vector<Segment> segments;
    at::Device device = at::kCPU;
    Spans spans{};
  };
  thread_local Kept kept;
  const bool known =
      !kept.segments.empty() && kept.device == device &&
      std::equal(segments.begin(), segments.end(), kept.segments.begin(), kept.segments.end(), same);
  if (!known) {
    kept = {segments, device, spans_of(segments, device)};
  }
  return kept.spans;
}

bool takes_flash(const AttentionInput& in) {
  return in.q.is_cuda() && (in.precision == Precision::kBFloat16 || in.q.scalar_type() == at::kBFloat16) &&
         in.q.size(2) % 8 == 0 && in.q.size(2) <= 256;
}

/// In float32, the type that the formula uses.
AttentionInput exactly(const AttentionInput& in) {
  return {in.q.to(at::kFloat), in.k.to(at::kFloat), in.v.to(at::kFloat), in.segments, in.precision};
}

}  // namespace

AttentionOutput attention(const AttentionInput& in) {
  const at::ScalarType type = in.q.scalar_type();
  if (!takes_flash(in)) {
    AttentionOutput output = exact_attention(exactly(in));
    output.out = output.out.to(type);
    return output;
  }
  const Spans& spans = kept_spans_of(in.segments, in.q.device());
  const auto result = at::_flash_attention_forward(
      in.q.to(at::kBFloat16), spans.gathered(in.k.to(at::kBFloat16)), spans.gathered(in.v.to(at::kBFloat16)),
      spans.ends, spans.key_ends, spans.most, spans.most_keys, /*dropout_p=*/0.0, /*is_causal=*/true,
      /*return_debug_mask=*/false);
  return {std::get<0>(result).to(type), std::get<1>(result)};  // log sums as backward takes them: [H,T]
}

AttentionGradients attention_backward(const AttentionInput& in, const AttentionOutput& out,
                                      const at::Tensor& dout) {
  const at::ScalarType type = in.q.scalar_type();
  const auto typed = [type](const at::Tensor& x) { return x.to(type); };
  if (!takes_flash(in)) {
    const AttentionGradients d =
        exact_attention_backward(exactly(in), {out.out.to(at::kFloat), out.log_sums}, dout.to(at::kFloat));
    return {typed(d.q), typed(d.k), typed(d.v)};
  }
  const Spans& spans = kept_spans_of(in.segments, in.q.device());
  const at::Tensor random = at::zeros({2}, in.q.options().dtype(at::kUInt64));  // of a dropout of rate 0
  const auto [dq, dk, dv] = at::_flash_attention_backward(
      dout.to(at::kBFloat16), in.q.to(at::kBFloat16), spans.gathered(in.k.to(at::kBFloat16)),
      spans.gathered(in.v.to(at::kBFloat16)), out.out.to(at::kBFloat16), out.log_sums, spans.ends,
      spans.key_ends, spans.most, spans.most_keys, /*dropout_p=*/0.0, /*is_causal=*/true, random,
      at::empty({0}, random.options()));
  const std::int64_t tokens = in.k.size(0);
  return {typed(dq), typed(spans.scattered(dk, tokens)), typed(spans.scattered(dv, tokens))};
}

}  // namespace routedk::kernels::cuda
