#include "routedk/model/attention.h"

namespace routedk::model {
namespace {

/// [T,heads,C] -> tokens begin..end as [1,heads,t,C]
at::Tensor sequence(const at::Tensor& x, std::int64_t begin, std::int64_t end) {
  return x.slice(0, begin, end).transpose(0, 1).unsqueeze(0);
}

}  // namespace

AttendFn causal_attention(const FlatBatch& batch) {
  return [&batch](std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const std::int64_t group = q.size(1) / k.size(1);
    const at::Tensor keys = k.repeat_interleave(group, 1);    // [T,H,C]
    const at::Tensor values = v.repeat_interleave(group, 1);  // [T,H,C]
    std::vector<at::Tensor> seen;
    for (std::int64_t s = 0; s < batch.sequences(); ++s) {
      const std::int64_t begin = batch.cu_seqlens[s];
      const std::int64_t end = batch.cu_seqlens[s + 1];
      const at::Tensor out =
          at::scaled_dot_product_attention(sequence(q, begin, end), sequence(keys, begin, end),
                                           sequence(values, begin, end), {}, 0.0, /*is_causal=*/true);
      seen.push_back(out.squeeze(0).transpose(0, 1));  // [t,H,C]
    }
    return at::cat(seen, 0);  // [T,H,C]
  };
}

}  // namespace routedk::model
