#include "routedk/kernels/cpu/cached_attention.h"

#include "routedk/kernels/cpu/softmax.h"
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <cmath>

#include "../devices.h"

namespace routedk::kernels::cpu {
namespace {

static_assert(kPanel == KvCache::kPanel);

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

/// Some rows of one prompt, one key/value head, and some of the query heads that share it.
class Task {
 public:
  struct Heads {
    std::int64_t kv;
    std::int64_t first;  ///< of the group
    std::int64_t count;
  };
  Task(const KvCache& cache, const KvCache::Layer& layer, std::span<const CacheRow> rows, Heads heads)
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
    const std::int64_t shared = cache_.shape().heads / cache_.shape().kv_heads;
    return (static_cast<std::int64_t>(r) * cache_.shape().heads + heads_.kv * shared + heads_.first) * size();
  }
  std::int64_t size() const { return cache_.shape().head_dim; }
  std::int64_t width() const { return panels(size()) * kPanel; }
  std::int64_t prompt_length() const { return cache_.prompt_length(rows_[0].prompt); }
  std::int64_t prompt_keys(const CacheRow& row) const {
    return row.branch == CacheRow::kPrompt ? row.position + 1 : prompt_length();
  }
  static std::int64_t own_keys(const CacheRow& row) {
    return row.branch == CacheRow::kPrompt ? 0 : row.position + 1;
  }
  const float* own_k(const CacheRow& row) const {
    return layer_.branches.k.const_data_ptr<float>() + (row.branch * cache_.shape().kv_heads + heads_.kv) *
                                                           panels(cache_.branch_tokens()) * size() * kPanel;
  }
  const float* own_v(const CacheRow& row) const {
    return layer_.branches.v.const_data_ptr<float>() + (row.branch * cache_.shape().kv_heads + heads_.kv) *
                                                           panels(size()) * cache_.branch_tokens() * kPanel;
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
                own_v(rows_[r]) + c * cache_.branch_tokens() * kPanel, own_keys(rows_[r]), kPanel, true);
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

  inline static const TileFn<float> tile_ = choose_tile<float>();
  const KvCache& cache_;
  const KvCache::Layer& layer_;
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

}  // namespace

void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* k,
                 const float* v) {
  const KvCache::Layer& held = cache.layer(layer);
  const std::int64_t heads = cache.shape().kv_heads;
  const std::int64_t size = cache.shape().head_dim;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const CacheRow& row = rows[r];
    const bool own = row.branch != CacheRow::kPrompt;
    const KvCache::Panels& to = own ? held.branches : held.prompts[static_cast<std::size_t>(row.prompt)];
    const std::int64_t tokens = own ? cache.branch_tokens() : cache.prompt_length(row.prompt);
    const std::int64_t first = own ? row.branch * heads : 0;
    for (std::int64_t g = 0; g < heads; ++g) {
      const std::int64_t at = (static_cast<std::int64_t>(r) * heads + g) * size;
      keep(k + at, v + at, row.position, size,
           to.k.data_ptr<float>() + (first + g) * panels(tokens) * size * kPanel,
           to.v.data_ptr<float>() + (first + g) * panels(size) * tokens * kPanel, tokens);
    }
  }
}

void cache_attend(const KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* q,
                  float* out, Team::Member& member) {
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
  // The query heads of a key head share its keys, unless there are fewer such tasks than threads.
  const std::int64_t shared = cache.shape().heads / cache.shape().kv_heads;
  const std::int64_t whole = static_cast<std::int64_t>(parts.size()) * cache.shape().kv_heads;
  const std::int64_t each = whole < threads ? 1 : shared;
  const std::int64_t per_part = cache.shape().heads / each;
  const std::int64_t tasks = static_cast<std::int64_t>(parts.size()) * per_part;
  member.share(tasks, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const Part& part = parts[static_cast<std::size_t>(i / per_part)];
      const std::int64_t head = i % per_part * each;
      const auto begin = static_cast<std::int64_t>(part.begin) * cache.shape().heads * cache.shape().head_dim;
      Task(cache, cache.layer(layer), rows.subspan(part.begin, part.end - part.begin),
           {head / shared, head % shared, each})
          .run(q + begin, out + begin);
    }
  });
}

void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& k,
                 const at::Tensor& v) {
  const auto floats = [](const at::Tensor& x) { return x.to(at::kFloat).contiguous(); };
  cache_write(cache, layer, rows, floats(k).const_data_ptr<float>(), floats(v).const_data_ptr<float>());
}

at::Tensor cache_attend(const KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows,
                        const at::Tensor& q) {
  const at::Tensor queries = q.to(at::kFloat).contiguous();
  at::Tensor out = at::empty_like(queries);  // [T,H,C]
  Team::run([&](Team::Member& member) {
    cache_attend(cache, layer, rows, queries.const_data_ptr<float>(), out.mutable_data_ptr<float>(), member);
  });
  return out.to(q.scalar_type());
}

}  // namespace routedk::kernels::cpu
