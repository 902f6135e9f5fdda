#include "routedk/kernels/kv_cache.h"

#include <algorithm>
#include <utility>

#include "devices.h"

namespace routedk::kernels {
namespace {

constexpr std::int64_t panels(std::int64_t size, std::int64_t of) {
  return (size + of - 1) / of;
}

}  // namespace

KvCache::KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths,
                 const at::TensorOptions& options, CacheLayout layout)
    : shape_(shape),
      prompt_lengths_(std::move(prompt_lengths)),
      options_(options),
      panel_tokens_(layout == CacheLayout::kTokens ? 1 : kPanel),
      panel_columns_(layout == CacheLayout::kTokens ? shape.head_dim : kPanel),
      layers_(static_cast<std::size_t>(shape.layers)) {
  for (Layer& layer : layers_) {
    for (const std::int64_t length : prompt_lengths_) {
      layer.prompts.push_back(make({}, length));
    }
  }
}

KvCache::Panels KvCache::make(std::optional<std::int64_t> branches, std::int64_t tokens) const {
  std::vector<std::int64_t> k = {shape_.kv_heads, panels(tokens, panel_tokens_), shape_.head_dim,
                                 panel_tokens_};
  std::vector<std::int64_t> v = {shape_.kv_heads, panels(shape_.head_dim, panel_columns_), tokens,
                                 panel_columns_};
  if (branches) {
    k.insert(k.begin(), *branches);
    v.insert(v.begin(), *branches);
  }
  return {at::empty(k, options_), at::zeros(v, options_)};
}

void KvCache::reserve(std::int64_t branches, std::int64_t tokens) {
  if (branches <= branches_ && tokens <= tokens_) {
    return;
  }
  const std::int64_t wanted = std::max(branches, branches_);
  const std::int64_t room =
      tokens <= tokens_ ? tokens_ : panels(std::max(tokens, 2 * tokens_), kPanel) * kPanel;
  for (Layer& layer : layers_) {
    Panels grown = make(wanted, room);
    if (branches_ > 0) {
      grown.k.narrow(0, 0, branches_).narrow(2, 0, panels(tokens_, panel_tokens_)).copy_(layer.branches.k);
      grown.v.narrow(0, 0, branches_).narrow(3, 0, tokens_).copy_(layer.branches.v);
    }
    layer.branches = std::move(grown);
  }
  branches_ = wanted;
  tokens_ = room;
}

void KvCache::copy(std::int64_t from, std::int64_t to, std::int64_t tokens) {
  const std::int64_t held = panels(tokens, panel_tokens_);
  for (Layer& layer : layers_) {
    const Panels& b = layer.branches;
    b.k[to].narrow(1, 0, held).copy_(b.k[from].narrow(1, 0, held));
    b.v[to].narrow(2, 0, tokens).copy_(b.v[from].narrow(2, 0, tokens));
  }
}

void KvCache::drop_prompt(std::int64_t prompt) {
  for (Layer& layer : layers_) {
    layer.prompts[static_cast<std::size_t>(prompt)] = {};
  }
}

void KvCache::write(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& k,
                    const at::Tensor& v) {
  k.is_cuda() ? cuda::cache_write(*this, layer, rows, k, v) : cpu::cache_write(*this, layer, rows, k, v);
}

at::Tensor KvCache::attend(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& q) const {
  return q.is_cuda() ? cuda::cache_attend(*this, layer, rows, q) : cpu::cache_attend(*this, layer, rows, q);
}

}  // namespace routedk::kernels
