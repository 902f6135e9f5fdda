#include "routedk/decode/kv_cache.h"

#include "routedk/model/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace routedk::decode {
namespace {

/// [T,G,C] -> [S,G,P,C], zero beyond each prompt's end.
at::Tensor pad(const at::Tensor& x, const model::FlatBatch& prompts, std::int64_t longest) {
  at::Tensor padded = at::zeros({prompts.sequences(), x.size(1), longest, x.size(2)}, x.options());
  for (std::int64_t s = 0; s < prompts.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const std::int64_t length = prompts.cu_seqlens[i + 1] - prompts.cu_seqlens[i];
    padded[s].narrow(1, 0, length).copy_(x.narrow(0, prompts.cu_seqlens[i], length).transpose(0, 1));
  }
  return padded;
}

std::int64_t longest_sequence(const model::FlatBatch& batch) {
  std::int64_t longest = 0;
  for (std::size_t s = 0; s + 1 < batch.cu_seqlens.size(); ++s) {
    longest = std::max(longest, batch.cu_seqlens[s + 1] - batch.cu_seqlens[s]);
  }
  return longest;
}

/// [S,1,1,P] F32: what to add to a score so that padding is never seen.
at::Tensor padding_bias(const model::FlatBatch& prompts, std::int64_t longest) {
  at::Tensor bias = at::zeros({prompts.sequences(), 1, 1, longest}, at::kFloat);
  for (std::int64_t s = 0; s < prompts.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const std::int64_t length = prompts.cu_seqlens[i + 1] - prompts.cu_seqlens[i];
    bias[s].narrow(-1, length, longest - length).fill_(-std::numeric_limits<float>::infinity());
  }
  return bias;
}

}  // namespace

SharedPrefixCache::SharedPrefixCache(const model::LlamaConfig& config, std::int64_t samples,
                                     std::int64_t max_new_tokens)
    : samples_(samples), max_new_tokens_(max_new_tokens), layers_(static_cast<std::size_t>(config.layers)) {}

void SharedPrefixCache::store_prompts(LayerCache& cache, const at::Tensor& k, const at::Tensor& v,
                                      const model::FlatBatch& prompts) const {
  const std::int64_t longest = beyond_end_.size(-1);
  cache.prompt_k = pad(k, prompts, longest);
  cache.prompt_v = pad(v, prompts, longest);
  cache.suffix_k =
      at::zeros({prompts.sequences() * samples_, k.size(1), max_new_tokens_, k.size(2)}, k.options());
  cache.suffix_v = at::zeros_like(cache.suffix_k);
}

model::AttendFn SharedPrefixCache::prefill(const model::FlatBatch& prompts) {
  beyond_end_ = padding_bias(prompts, longest_sequence(prompts));
  return [this, &prompts, causal = model::causal_attention(prompts)](
             std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    store_prompts(layers_[static_cast<std::size_t>(layer)], k, v, prompts);
    return causal(layer, q, k, v);
  };
}

model::AttendFn SharedPrefixCache::step(std::int64_t t) {
  return [this, t](std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    LayerCache& cache = layers_[static_cast<std::size_t>(layer)];
    cache.suffix_k.select(2, t).copy_(k);
    cache.suffix_v.select(2, t).copy_(v);
    return attend_step(cache, t, q);
  };
}

at::Tensor SharedPrefixCache::attend_step(LayerCache& cache, std::int64_t t, const at::Tensor& q) const {
  const std::int64_t prompts = cache.prompt_k.size(0);
  const std::int64_t kv = cache.prompt_k.size(1);
  const std::int64_t size = q.size(2);
  const std::int64_t group = q.size(1) / kv;
  const std::int64_t longest = cache.prompt_k.size(2);
  const at::Tensor own_k = cache.suffix_k.narrow(2, 0, t + 1);  // [SN,G,t+1,C]
  const at::Tensor own_v = cache.suffix_v.narrow(2, 0, t + 1);  // [SN,G,t+1,C]

  // Queries of all samples of a prompt meet its keys in one product.
  const auto by_prompt = [&](const at::Tensor& x) {  // [SN,G,g,n] -> [S,G,N*g,n]
    return x.reshape({prompts, samples_, kv, group, -1})
        .transpose(1, 2)
        .reshape({prompts, kv, samples_ * group, -1});
  };
  const auto by_sample = [&](const at::Tensor& x) {  // [S,G,N*g,n] -> [SN,G,g,n]
    return x.reshape({prompts, kv, samples_, group, -1})
        .transpose(1, 2)
        .reshape({prompts * samples_, kv, group, -1});
  };
  const at::Tensor queries =
      q.reshape({prompts * samples_, kv, group, size}) / std::sqrt(static_cast<double>(size));
  const at::Tensor shared =
      at::matmul(by_prompt(queries), cache.prompt_k.transpose(2, 3)).to(at::kFloat) + beyond_end_;
  const at::Tensor own = by_prompt(at::matmul(queries, own_k.transpose(2, 3))).to(at::kFloat);
  const at::Tensor weights =
      at::softmax(at::cat({shared, own}, -1), -1).to(q.scalar_type());  // [S,G,N*g,P+t+1]
  const at::Tensor from_prompt = by_sample(at::matmul(weights.narrow(-1, 0, longest), cache.prompt_v));
  const at::Tensor from_own = at::matmul(by_sample(weights.narrow(-1, longest, t + 1)), own_v);
  return (from_prompt + from_own).reshape({-1, q.size(1), size});  // [SN,H,C]
}

void SharedPrefixCache::keep(const std::vector<std::int64_t>& prompts) {
  const at::Tensor kept = at::tensor(prompts);
  const at::Tensor rows = (kept.unsqueeze(1) * samples_ + at::arange(samples_, at::kLong)).flatten();
  beyond_end_ = beyond_end_.index_select(0, kept);
  for (LayerCache& cache : layers_) {
    cache.prompt_k = cache.prompt_k.index_select(0, kept);
    cache.prompt_v = cache.prompt_v.index_select(0, kept);
    cache.suffix_k = cache.suffix_k.index_select(0, rows);
    cache.suffix_v = cache.suffix_v.index_select(0, rows);
  }
}

}  // namespace routedk::decode
