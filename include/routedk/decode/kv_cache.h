/// Keys and values of S prompts, each shared by its N samples, and of the samples' own suffixes.
#pragma once

#include "routedk/model/batch.h"
#include "routedk/model/layer.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::decode {

class SharedPrefixCache {
 public:
  /// Room for `samples` suffixes of at most `max_new_tokens` per prompt.
  SharedPrefixCache(const model::LlamaConfig& config, std::int64_t samples, std::int64_t max_new_tokens);

  /// Causal attention over the prompts that also keeps their keys and values.
  model::AttendFn prefill(const model::FlatBatch& prompts);
  /// Attention of one new token per sample, row = prompt * N + sample, over the prompt and the suffix so far;
  /// keeps the new keys and values at suffix position `t`. Merged in one softmax, in fp32.
  model::AttendFn step(std::int64_t t);
  /// Drops every prompt but those listed (ascending positions), with their samples.
  void keep(const std::vector<std::int64_t>& prompts);

 private:
  struct LayerCache {
    at::Tensor prompt_k, prompt_v;  // [S,G,P,C], zero beyond each prompt's end
    at::Tensor suffix_k, suffix_v;  // [S*N,G,M,C]
  };
  void store_prompts(LayerCache& cache, const at::Tensor& k, const at::Tensor& v,
                     const model::FlatBatch& prompts) const;
  at::Tensor attend_step(LayerCache& cache, std::int64_t t, const at::Tensor& q) const;

  std::int64_t samples_;
  std::int64_t max_new_tokens_;
  at::Tensor beyond_end_;  // [S,1,1,P] F32: 0 inside the prompt, -inf beyond
  std::vector<LayerCache> layers_;
};

}  // namespace routedk::decode
