#include "routedk/decode/kv_cache.h"

#include "routedk/core/softmax.h"
#include "routedk/quant/cpu/tile.h"

#include <algorithm>
#include <cmath>

namespace routedk::decode {
namespace {

using quant::cpu::kPanel;

/// Rows that meet the same keys in one product.
constexpr std::int64_t kRowsAtOnce = 8;

constexpr std::int64_t panels(std::int64_t size) {
  return (size + kPanel - 1) / kPanel;
}

/// scores -> e^(score - largest) in place; their sum.
ROUTEDK_CLONES float exponentials(float* scores, std::int64_t count, float largest) {
  for (std::int64_t i = 0; i < count; ++i) {
    scores[i] = exponential(scores[i] - largest);
  }
  return sum_of<float>(count, [=](std::int64_t i) { return scores[i]; });
}

ROUTEDK_CLONES float largest_of(const float* scores, std::int64_t count, float so_far) {
  return largest_value(scores, count, so_far);
}

/// One token's C values into column `token` of a panel of keys and row `token` of the panels of values.
void keep(const float* k, const float* v, std::int64_t token, std::int64_t size, float* key_panels,
          float* value_panels, std::int64_t tokens) {
  float* column = key_panels + token / kPanel * size * kPanel + token % kPanel;
  for (std::int64_t c = 0; c < size; ++c) {
    column[c * kPanel] = k[c];
  }
  for (std::int64_t c = 0; c < size; c += kPanel) {
    std::copy_n(v + c, std::min(kPanel, size - c), value_panels + (c * tokens + token * kPanel));
  }
}

}  // namespace

KvCache::KvCache(const model::LlamaConfig& config, std::vector<std::int64_t> prompt_lengths)
    : config_(config),
      prompt_lengths_(std::move(prompt_lengths)),
      layers_(static_cast<std::size_t>(config.layers)) {
  const std::int64_t columns = panels(config.head_dim);
  for (LayerCache& layer : layers_) {
    for (const std::int64_t length : prompt_lengths_) {
      layer.prompts.push_back(
          {at::empty({config.kv_heads, panels(length), config.head_dim, kPanel}, at::kFloat),
           at::zeros({config.kv_heads, columns, length, kPanel}, at::kFloat)});
    }
  }
}

void KvCache::reserve(std::int64_t branches, std::int64_t tokens) {
  if (branches <= branches_ && tokens <= tokens_) {
    return;
  }
  const std::int64_t wanted = std::max(branches, branches_);
  const std::int64_t room = tokens <= tokens_ ? tokens_ : panels(std::max(tokens, 2 * tokens_)) * kPanel;
  for (LayerCache& layer : layers_) {
    Panels grown{at::empty({wanted, config_.kv_heads, panels(room), config_.head_dim, kPanel}, at::kFloat),
                 at::zeros({wanted, config_.kv_heads, panels(config_.head_dim), room, kPanel}, at::kFloat)};
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
  for (LayerCache& layer : layers_) {
    const Panels& b = layer.branches;
    b.k[to].narrow(1, 0, panels(tokens)).copy_(b.k[from].narrow(1, 0, panels(tokens)));
    b.v[to].narrow(2, 0, tokens).copy_(b.v[from].narrow(2, 0, tokens));
  }
}

void KvCache::drop_prompt(std::int64_t prompt) {
  for (LayerCache& layer : layers_) {
    layer.prompts[static_cast<std::size_t>(prompt)] = {};
  }
}

void KvCache::write(std::int64_t layer, std::span<const CacheRow> rows, const float* k, const float* v) {
  LayerCache& cache = layers_[static_cast<std::size_t>(layer)];
  const std::int64_t heads = config_.kv_heads;
  const std::int64_t size = config_.head_dim;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const CacheRow& row = rows[r];
    const bool own = row.branch != CacheRow::kPrompt;
    const Panels& to = own ? cache.branches : cache.prompts[static_cast<std::size_t>(row.prompt)];
    const std::int64_t tokens = own ? tokens_ : prompt_lengths_[static_cast<std::size_t>(row.prompt)];
    const std::int64_t first = own ? row.branch * heads : 0;
    for (std::int64_t g = 0; g < heads; ++g) {
      const std::int64_t at = (static_cast<std::int64_t>(r) * heads + g) * size;
      keep(k + at, v + at, row.position, size,
           to.k.data_ptr<float>() + (first + g) * panels(tokens) * size * kPanel,
           to.v.data_ptr<float>() + (first + g) * panels(size) * tokens * kPanel, tokens);
    }
  }
}

/// Some rows of one prompt, one key/value head, and some of the query heads that share it.
class KvCache::Task {
 public:
  struct Heads {
    std::int64_t kv;
    std::int64_t first;  ///< of the group
    std::int64_t count;
  };
  Task(const KvCache& cache, const LayerCache& layer, std::span<const CacheRow> rows, Heads heads)
      : cache_(cache), layer_(layer), rows_(rows), heads_(heads) {
    for (const CacheRow& row : rows) {
      prompt_keys_ = std::max(prompt_keys_, prompt_keys(row));
      own_keys_ = std::max(own_keys_, own_keys(row));
    }
    own_begin_ = panels(prompt_keys_) * kPanel;
    stride_ = own_begin_ + panels(own_keys_) * kPanel;
  }

  void run(const float* q, float* out) {
    const std::int64_t queries = static_cast<std::int64_t>(rows_.size()) * group();
    const at::Tensor memory = at::empty({queries * (size() + stride_ + width() + 1)}, at::kFloat);
    queries_ = memory.data_ptr<float>();
    scores_ = queries_ + queries * size();
    seen_ = scores_ + queries * stride_;
    inverse_ = seen_ + queries * width();
    gather(q);
    score();
    weigh();
    see();
    scatter(out);
  }

 private:
  std::int64_t group() const { return heads_.count; }
  /// Where the heads of row r begin in q and out.
  std::int64_t place(std::size_t r) const {
    const std::int64_t shared = cache_.config_.heads / cache_.config_.kv_heads;
    return (static_cast<std::int64_t>(r) * cache_.config_.heads + heads_.kv * shared + heads_.first) * size();
  }
  std::int64_t size() const { return cache_.config_.head_dim; }
  std::int64_t width() const { return panels(size()) * kPanel; }
  std::int64_t prompt_length() const {
    return cache_.prompt_lengths_[static_cast<std::size_t>(rows_[0].prompt)];
  }
  std::int64_t prompt_keys(const CacheRow& row) const {
    return row.branch == CacheRow::kPrompt ? row.position + 1 : prompt_length();
  }
  static std::int64_t own_keys(const CacheRow& row) {
    return row.branch == CacheRow::kPrompt ? 0 : row.position + 1;
  }
  const float* own_k(const CacheRow& row) const {
    return layer_.branches.k.const_data_ptr<float>() +
           (row.branch * cache_.config_.kv_heads + heads_.kv) * panels(cache_.tokens_) * size() * kPanel;
  }
  const float* own_v(const CacheRow& row) const {
    return layer_.branches.v.const_data_ptr<float>() +
           (row.branch * cache_.config_.kv_heads + heads_.kv) * panels(size()) * cache_.tokens_ * kPanel;
  }
  const float* prompt_k() const {
    return layer_.prompts[static_cast<std::size_t>(rows_[0].prompt)].k.const_data_ptr<float>() +
           heads_.kv * panels(prompt_length()) * size() * kPanel;
  }
  const float* prompt_v() const {
    return layer_.prompts[static_cast<std::size_t>(rows_[0].prompt)].v.const_data_ptr<float>() +
           heads_.kv * panels(size()) * prompt_length() * kPanel;
  }

  void gather(const float* q) {
    const float scale = 1.0F / std::sqrt(static_cast<float>(size()));
    const std::int64_t block = group() * size();
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const float* from = q + place(r);
      float* to = queries_ + static_cast<std::int64_t>(r) * block;
      for (std::int64_t i = 0; i < block; ++i) {
        to[i] = from[i] * scale;
      }
    }
  }

  void score() {
    const std::int64_t queries = static_cast<std::int64_t>(rows_.size()) * group();
    for (std::int64_t p = 0; p < panels(prompt_keys_); ++p) {
      tile_({queries_, size(), scores_ + p * kPanel, stride_, queries}, prompt_k() + p * size() * kPanel,
            size(), kPanel, false);
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const std::int64_t first = static_cast<std::int64_t>(r) * group();
      for (std::int64_t p = 0; p < panels(own_keys(rows_[r])); ++p) {
        tile_({queries_ + first * size(), size(), scores_ + first * stride_ + own_begin_ + p * kPanel,
               stride_, group()},
              own_k(rows_[r]) + p * size() * kPanel, size(), kPanel, false);
      }
    }
  }

  void weigh() {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const std::int64_t in_prompt = prompt_keys(rows_[r]);
      const std::int64_t own = own_keys(rows_[r]);
      for (std::int64_t j = 0; j < group(); ++j) {
        const std::int64_t query = static_cast<std::int64_t>(r) * group() + j;
        float* scores = scores_ + query * stride_;
        const float largest = largest_of(scores + own_begin_, own, largest_of(scores, in_prompt, scores[0]));
        const float sum =
            exponentials(scores, in_prompt, largest) + exponentials(scores + own_begin_, own, largest);
        std::fill(scores + in_prompt, scores + prompt_keys_, 0.0F);
        inverse_[query] = 1.0F / sum;
      }
    }
  }

  void see() {
    const std::int64_t queries = static_cast<std::int64_t>(rows_.size()) * group();
    for (std::int64_t c = 0; c < panels(size()); ++c) {
      tile_({scores_, stride_, seen_ + c * kPanel, width(), queries},
            prompt_v() + c * prompt_length() * kPanel, prompt_keys_, kPanel, false);
      for (std::size_t r = 0; r < rows_.size(); ++r) {
        const std::int64_t first = static_cast<std::int64_t>(r) * group();
        if (own_keys(rows_[r]) > 0) {
          tile_({scores_ + first * stride_ + own_begin_, stride_, seen_ + first * width() + c * kPanel,
                 width(), group()},
                own_v(rows_[r]) + c * cache_.tokens_ * kPanel, own_keys(rows_[r]), kPanel, true);
        }
      }
    }
  }

  void scatter(float* out) const {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::int64_t j = 0; j < group(); ++j) {
        const std::int64_t query = static_cast<std::int64_t>(r) * group() + j;
        float* to = out + place(r) + j * size();
        for (std::int64_t c = 0; c < size(); ++c) {
          to[c] = seen_[query * width() + c] * inverse_[query];
        }
      }
    }
  }

  inline static const quant::cpu::TileFn tile_ = quant::cpu::choose_tile();
  const KvCache& cache_;
  const LayerCache& layer_;
  std::span<const CacheRow> rows_;
  Heads heads_;
  std::int64_t prompt_keys_ = 0;  // the longest row's
  std::int64_t own_keys_ = 0;
  std::int64_t own_begin_ = 0;  // of a query's scores
  std::int64_t stride_ = 0;
  float* queries_ = nullptr;  // [Q,C]
  float* scores_ = nullptr;   // [Q,stride], then weights
  float* seen_ = nullptr;     // [Q,width]
  float* inverse_ = nullptr;  // [Q] 1 / sum of weights
};

void KvCache::attend(std::int64_t layer, std::span<const CacheRow> rows, const float* q, float* out,
                     quant::cpu::Team::Member& member) const {
  struct Part {
    std::size_t begin, end;
  };
  const std::int64_t threads = member.threads();
  const auto size = static_cast<std::int64_t>(rows.size());
  const auto at_once = static_cast<std::size_t>(
      std::min(kRowsAtOnce, std::max<std::int64_t>(1, (size + threads - 1) / threads)));
  std::vector<Part> parts;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!parts.empty() && rows[r].prompt == rows[parts.back().begin].prompt &&
        r - parts.back().begin < at_once) {
      parts.back().end = r + 1;
    } else {
      parts.push_back({r, r + 1});
    }
  }
  // Few tasks are shared out evenly only where they are small.
  const std::int64_t shared = config_.heads / config_.kv_heads;
  const std::int64_t whole = static_cast<std::int64_t>(parts.size()) * config_.kv_heads;
  const std::int64_t each = whole % threads != 0 && whole < 4 * threads ? 1 : shared;
  const std::int64_t per_part = config_.heads / each;
  const LayerCache& cache = layers_[static_cast<std::size_t>(layer)];
  const std::int64_t tasks = static_cast<std::int64_t>(parts.size()) * per_part;
  member.share(tasks, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const Part& part = parts[static_cast<std::size_t>(i / per_part)];
      const std::int64_t head = i % per_part * each;
      const auto begin = static_cast<std::int64_t>(part.begin) * config_.heads * config_.head_dim;
      Task(*this, cache, rows.subspan(part.begin, part.end - part.begin),
           {head / shared, head % shared, each})
          .run(q + begin, out + begin);
    }
  });
}

}  // namespace routedk::decode
