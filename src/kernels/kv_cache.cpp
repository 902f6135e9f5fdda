#include "routedk/kernels/kv_cache.h"

#include <algorithm>
#include <utility>

#include "devices.h"

namespace routedk::kernels {
namespace {

constexpr std::int64_t panels(std::int64_t size) {
  return (size + KvCache::kPanel - 1) / KvCache::kPanel;
}

}  // namespace

KvCache::KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths, at::Device device)
    : shape_(shape),
      prompt_lengths_(std::move(prompt_lengths)),
      options_(at::TensorOptions(device).dtype(at::kFloat)),
      layers_(static_cast<std::size_t>(shape.layers)) {
  const std::int64_t columns = panels(shape.head_dim);
  for (Layer& layer : layers_) {
    for (const std::int64_t length : prompt_lengths_) {
      layer.prompts.push_back({at::empty({shape.kv_heads, panels(length), shape.head_dim, kPanel}, options_),
                               at::zeros({shape.kv_heads, columns, length, kPanel}, options_)});
    }
  }
}

void KvCache::reserve(std::int64_t branches, std::int64_t tokens) {
  if (branches <= branches_ && tokens <= tokens_) {
    return;
  }
  const std::int64_t wanted = std::max(branches, branches_);
  const std::int64_t room = tokens <= tokens_ ? tokens_ : panels(std::max(tokens, 2 * tokens_)) * kPanel;
  for (Layer& layer : layers_) {
    Panels grown{at::empty({wanted, shape_.kv_heads, panels(room), shape_.head_dim, kPanel}, options_),
                 at::zeros({wanted, shape_.kv_heads, panels(shape_.head_dim), room, kPanel}, options_)};
    if (branches_ > 0) {
      grown.k.narrow(0, 0, branches_).narrow(2, 0, panels(tokens_)).copy_(layer.branches.k);
      grown.v.narrow(0, 0, branches_).narrow(3, 0, tokens_).copy_(layer.branches.v);
    }
    layer.branches = std::move(grown);
  }
  branches_ = wanted;
  tokens_ = room;
}

void KvCache::copy(std::int64_t from, std::int64_t to, std::int64_t tokens) {
  for (Layer& layer : layers_) {
    const Panels& b = layer.branches;
    b.k[to].narrow(1, 0, panels(tokens)).copy_(b.k[from].narrow(1, 0, panels(tokens)));
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
