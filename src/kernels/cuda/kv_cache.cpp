#include "../devices.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

/// Where each row's keys and values are, in device memory.
template <typename T>
at::Tensor table_of(const KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows,
                    at::Device device) {
  const KvCache::Layer& held = cache.layer(layer);
  const std::int64_t branch = cache.shape().kv_heads * cache.branch_tokens() * cache.shape().head_dim;
  at::Tensor table = at::empty({static_cast<std::int64_t>(rows.size() * sizeof(CachedRow<T>))}, at::kByte);
  auto* to = reinterpret_cast<CachedRow<T>*>(mutable_data<std::uint8_t>(table));
  for (const CacheRow& row : rows) {
    const KvCache::Panels& prompt = held.prompts[static_cast<std::size_t>(row.prompt)];
    const bool own = row.branch != CacheRow::kPrompt;
    const std::int64_t length = cache.prompt_length(row.prompt);
    *to++ = {mutable_data<T>(prompt.k),
             mutable_data<T>(prompt.v),
             own ? mutable_data<T>(held.branches.k) + row.branch * branch : nullptr,
             own ? mutable_data<T>(held.branches.v) + row.branch * branch : nullptr,
             length,
             own ? length : row.position + 1,
             own ? row.position + 1 : 0};
  }
  return table.to(device, /*non_blocking=*/true);
}

CacheHeads heads_of(const KvCache& cache) {
  return {cache.shape().heads, cache.shape().kv_heads, cache.shape().head_dim, cache.branch_tokens()};
}

}  // namespace

void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& k,
                 const at::Tensor& v) {
  const at::Tensor keys = k.to(at::kFloat).contiguous();
  const at::Tensor values = v.to(at::kFloat).contiguous();
  with_type(cache.dtype(), [&]<typename T>() {
    const at::Tensor table = table_of<T>(cache, layer, rows, k.device());
    launch_cache_write(data<CachedRow<T>>(table), k.size(0), data<float>(keys), data<float>(values),
                       heads_of(cache), current_stream());
  });
}

at::Tensor cache_attend(const KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows,
                        const at::Tensor& q) {
  const at::Tensor queries = q.to(at::kFloat).contiguous();
  const at::Tensor out = at::empty_like(queries);
  with_type(cache.dtype(), [&]<typename T>() {
    const at::Tensor table = table_of<T>(cache, layer, rows, q.device());
    launch_cache_attend(data<CachedRow<T>>(table), q.size(0), data<float>(queries), mutable_data<float>(out),
                        heads_of(cache), current_stream());
  });
  return out.to(q.scalar_type());
}

}  // namespace routedk::kernels::cuda
