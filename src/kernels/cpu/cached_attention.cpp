#include "routedk/kernels/cpu/cached_attention.h"

#include "routedk/kernels/cpu/softmax.h"
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <cmath>

#include "../devices.h"

namespace routedk::kernels::cpu {
namespace {

static_assert(kPanel == KvCache::kPanel);

/// Rows multiplied with the same keys in one product.
constexpr std::int64_t kRowsAtOnce = 8;

/// Keys per chunk. Where a row's chunks begin depends on the row alone, so its sums do not depend on how
/// chunks are divided among threads.
constexpr std::int64_t kChunk = 128;
static_assert(kChunk % kPanel == 0);

constexpr std::int64_t panels(std::int64_t size) {
  return (size + kPanel - 1) / kPanel;
}

constexpr std::int64_t chunks(std::int64_t keys) {
  return (keys + kChunk - 1) / kChunk;
}

/// scores -> e^(score - largest) in place; returns their sum.
ROUTEDK_CLONES float exponentials(float* scores, std::int64_t count, float largest) {
  for (std::int64_t i = 0; i < count; ++i) {
    scores[i] = exponential(scores[i] - largest);
  }
  return sum_of<float>(count, [=](std::int64_t i) { return scores[i]; });
}

ROUTEDK_CLONES float largest_of(const float* scores, std::int64_t count, float so_far) {
  return largest_value(scores, count, so_far);
}

ROUTEDK_CLONES void scale(const float* x, std::int64_t size, float by, float* y) {
  for (std::int64_t i = 0; i < size; ++i) {
    y[i] = x[i] * by;
  }
}

ROUTEDK_CLONES void add_scaled(float* x, std::int64_t size, float x_by, const float* y, float y_by) {
  for (std::int64_t i = 0; i < size; ++i) {
    x[i] = x[i] * x_by + y[i] * y_by;
  }
}

/// Writes one token's C values to column `token` of a panel of keys and to row `token` of the panels of
/// values.
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

/// Partial attention of some queries over some keys: values weighted by e^(score - largest), summed, and the
/// sum of the weights.
struct Seen {
  float* largest;  // [Q]
  float* sum;      // [Q]; 0: no key yet
  float* values;   // [Q,width]
  std::int64_t width;

  static std::int64_t size(std::int64_t queries, std::int64_t width) { return queries * (width + 2); }
  static Seen in(float* memory, std::int64_t queries, std::int64_t width) {
    return {memory, memory + queries, memory + 2 * queries, width};
  }

  void add(std::int64_t query, const Seen& other) const {
    if (other.sum[query] == 0.0F) {
      return;
    }
    if (sum[query] == 0.0F) {
      largest[query] = other.largest[query];
      sum[query] = other.sum[query];
      std::copy_n(other.values + query * width, width, values + query * width);
      return;
    }
    const float both = std::max(largest[query], other.largest[query]);
    const float mine = exponential(largest[query] - both);
    const float theirs = exponential(other.largest[query] - both);
    largest[query] = both;
    sum[query] = sum[query] * mine + other.sum[query] * theirs;
    add_scaled(values + query * width, width, mine, other.values + query * width, theirs);
  }
};

/// Some rows of one prompt with one key/value head and all query heads that share it.
class Group {
 public:
  Group(const KvCache& cache, const KvCache::Layer& layer, std::span<const CacheRow> rows, std::int64_t head)
      : cache_(cache), layer_(layer), rows_(rows), head_(head) {
    for (const CacheRow& row : rows) {
      prompt_keys_ = std::max(prompt_keys_, prompt_keys(row));
    }
  }

  std::int64_t queries() const { return static_cast<std::int64_t>(rows_.size()) * shared(); }
  std::int64_t width() const { return panels(size()) * kPanel; }
  /// Chunks of the keys that any row sees.
  std::int64_t all_chunks() const {
    std::int64_t own = 0;
    for (const CacheRow& row : rows_) {
      own = std::max(own, chunks(own_keys(row)));
    }
    return chunks(prompt_keys_) + own;
  }

  /// Adds chunks first .. last, in their order: the prompt's, then the branches' own.
  void see(const float* q, std::int64_t first, std::int64_t last, const Seen& seen) {
    const at::Tensor memory =
        at::empty({queries() * (size() + kChunk) + Seen::size(queries(), width())}, at::kFloat);
    queries_ = memory.data_ptr<float>();
    scores_ = queries_ + queries() * size();
    const Seen here = Seen::in(scores_ + queries() * kChunk, queries(), width());
    gather(q);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      if (chunk < chunks(prompt_keys_)) {
        see_prompt(chunk * kChunk, here);
      } else {
        see_own((chunk - chunks(prompt_keys_)) * kChunk, here);
      }
      for (std::int64_t query = 0; query < queries(); ++query) {
        seen.add(query, here);
      }
    }
  }

  void scatter(const Seen& seen, float* out) const {
    for (std::int64_t query = 0; query < queries(); ++query) {
      scale(seen.values + query * width(), size(), 1.0F / seen.sum[query],
            out + place(query / shared()) + query % shared() * size());
    }
  }

 private:
  std::int64_t shared() const { return cache_.shape().heads / cache_.shape().kv_heads; }
  std::int64_t size() const { return cache_.shape().head_dim; }
  std::int64_t prompt_length() const { return cache_.prompt_length(rows_[0].prompt); }
  /// Where row r of the heads begins in q and out.
  std::int64_t place(std::int64_t r) const { return (r * cache_.shape().heads + head_ * shared()) * size(); }
  std::int64_t prompt_keys(const CacheRow& row) const {
    return row.branch == CacheRow::kPrompt ? row.position + 1 : prompt_length();
  }
  static std::int64_t own_keys(const CacheRow& row) {
    return row.branch == CacheRow::kPrompt ? 0 : row.position + 1;
  }
  const float* own_k(const CacheRow& row) const {
    return layer_.branches.k.const_data_ptr<float>() +
           (row.branch * cache_.shape().kv_heads + head_) * panels(cache_.branch_tokens()) * size() * kPanel;
  }
  const float* own_v(const CacheRow& row) const {
    return layer_.branches.v.const_data_ptr<float>() +
           (row.branch * cache_.shape().kv_heads + head_) * panels(size()) * cache_.branch_tokens() * kPanel;
  }
  const float* prompt_k() const {
    return layer_.prompts[static_cast<std::size_t>(rows_[0].prompt)].k.const_data_ptr<float>() +
           head_ * panels(prompt_length()) * size() * kPanel;
  }
  const float* prompt_v() const {
    return layer_.prompts[static_cast<std::size_t>(rows_[0].prompt)].v.const_data_ptr<float>() +
           head_ * panels(size()) * prompt_length() * kPanel;
  }

  void gather(const float* q) const {
    const float by = 1.0F / std::sqrt(static_cast<float>(size()));
    const std::int64_t block = shared() * size();
    for (std::int64_t r = 0; r < std::ssize(rows_); ++r) {
      scale(q + place(r), block, by, queries_ + r * block);
    }
  }

  void see_prompt(std::int64_t first, const Seen& here) const {
    const std::int64_t keys = std::min(kChunk, prompt_keys_ - first);
    score(0, queries(), prompt_k() + first * size(), keys);
    for (std::int64_t r = 0; r < std::ssize(rows_); ++r) {
      weigh(r, std::clamp<std::int64_t>(prompt_keys(rows_[static_cast<std::size_t>(r)]) - first, 0, keys),
            keys, here);
    }
    sum(0, queries(), prompt_v() + first * kPanel, prompt_length(), keys, here);
  }

  void see_own(std::int64_t first, const Seen& here) const {
    for (std::int64_t r = 0; r < std::ssize(rows_); ++r) {
      const CacheRow& row = rows_[static_cast<std::size_t>(r)];
      const std::int64_t keys = std::clamp<std::int64_t>(own_keys(row) - first, 0, kChunk);
      if (keys > 0) {
        score(r * shared(), shared(), own_k(row) + first * size(), keys);
      }
      weigh(r, keys, keys, here);
      if (keys > 0) {
        sum(r * shared(), shared(), own_v(row) + first * kPanel, cache_.branch_tokens(), keys, here);
      }
    }
  }

  /// Scores of `count` queries, from `query`, with `keys` keys, from k.
  void score(std::int64_t query, std::int64_t count, const float* k, std::int64_t keys) const {
    for (std::int64_t p = 0; p < panels(keys); ++p) {
      tile_({queries_ + query * size(), size(), scores_ + query * kChunk + p * kPanel, kChunk, count},
            k + p * size() * kPanel, size(), kPanel, false);
    }
  }

  /// Turns the scores of row r into weights; only the first `keys` of `all` count.
  void weigh(std::int64_t r, std::int64_t keys, std::int64_t all, const Seen& here) const {
    for (std::int64_t query = r * shared(); query < (r + 1) * shared(); ++query) {
      float* const scores = scores_ + query * kChunk;
      here.largest[query] = keys > 0 ? largest_of(scores, keys, scores[0]) : 0.0F;
      here.sum[query] = keys > 0 ? exponentials(scores, keys, here.largest[query]) : 0.0F;
      std::fill(scores + keys, scores + all, 0.0F);
    }
  }

  /// `stride`: tokens allocated in a panel of values.
  void sum(std::int64_t query, std::int64_t count, const float* v, std::int64_t stride, std::int64_t keys,
           const Seen& here) const {
    for (std::int64_t c = 0; c < panels(size()); ++c) {
      tile_({scores_ + query * kChunk, kChunk, here.values + query * width() + c * kPanel, width(), count},
            v + c * stride * kPanel, keys, kPanel, false);
    }
  }

  inline static const TileFn<float> tile_ = choose_tile<float>();
  const KvCache& cache_;
  const KvCache::Layer& layer_;
  std::span<const CacheRow> rows_;
  std::int64_t head_;
  std::int64_t prompt_keys_ = 0;  // of the row that sees most
  float* queries_ = nullptr;      // [Q,C], scaled
  float* scores_ = nullptr;       // [Q,kChunk], then weights
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

CacheAttention::CacheAttention(const KvCache& cache, std::span<const CacheRow> rows)
    : cache_(cache), rows_(rows) {
  const std::int64_t threads = at::get_num_threads();
  const auto size = static_cast<std::int64_t>(rows.size());
  const std::int64_t at_once =
      std::min(kRowsAtOnce, std::max<std::int64_t>(1, (size + threads - 1) / threads));
  for (std::int64_t r = 0; r < size; ++r) {
    const auto prompt = [&](std::int64_t row) { return rows[static_cast<std::size_t>(row)].prompt; };
    if (parts_.empty() || prompt(r) != prompt(parts_.back().begin) || r - parts_.back().begin == at_once) {
      parts_.push_back({r, r, 0, 0});
    }
    parts_.back().end = r + 1;
  }
  // Few groups do not divide evenly among threads: divide their chunks; the thread that finishes a group
  // merges it.
  const std::int64_t groups = std::ssize(parts_) * cache.shape().kv_heads;
  split_ = threads > 1 && groups < 4 * threads && groups % threads != 0;
  std::int64_t floats = 0;
  for (Part& part : parts_) {
    const Group group(cache, cache.layer(0), rows_of(part), 0);
    part.chunks = group.all_chunks();
    part.first = floats;
    floats += part.chunks * cache.shape().kv_heads * Seen::size(group.queries(), group.width());
    chunks_ += part.chunks * cache.shape().kv_heads;
  }
  if (split_) {
    memory_ = at::empty({floats}, at::kFloat);
    done_ = std::vector<std::atomic<std::int64_t>>(static_cast<std::size_t>(groups));
  }
}

std::span<const CacheRow> CacheAttention::rows_of(const Part& part) const {
  return rows_.subspan(static_cast<std::size_t>(part.begin), static_cast<std::size_t>(part.end - part.begin));
}

void CacheAttention::run(std::int64_t layer, const float* q, float* out, Team::Member& member) {
  const std::int64_t heads = cache_.shape().kv_heads;
  const std::int64_t row = cache_.shape().heads * cache_.shape().head_dim;
  if (!split_) {
    member.share(std::ssize(parts_) * heads, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const Part& part = parts_[static_cast<std::size_t>(i / heads)];
        Group group(cache_, cache_.layer(layer), rows_of(part), i % heads);
        const at::Tensor memory = at::zeros({Seen::size(group.queries(), group.width())}, at::kFloat);
        const Seen seen = Seen::in(memory.data_ptr<float>(), group.queries(), group.width());
        group.see(q + part.begin * row, 0, part.chunks, seen);
        group.scatter(seen, out + part.begin * row);
      }
    });
    return;
  }
  member.share(chunks_, [&](std::int64_t first, std::int64_t last) {
    std::int64_t at = 0;  // index among all chunks
    for (std::size_t g = 0; g < done_.size(); ++g) {
      const Part& part = parts_[g / static_cast<std::size_t>(heads)];
      const auto head = static_cast<std::int64_t>(g) % heads;
      const std::int64_t begin = std::clamp<std::int64_t>(first - at, 0, part.chunks);
      const std::int64_t end = std::clamp<std::int64_t>(last - at, 0, part.chunks);
      at += part.chunks;
      if (begin == end) {
        continue;
      }
      Group group(cache_, cache_.layer(layer), rows_of(part), head);
      const std::int64_t size = Seen::size(group.queries(), group.width());
      float* const memory = memory_.data_ptr<float>() + part.first + head * part.chunks * size;
      const auto seen = [&](std::int64_t chunk) {
        return Seen::in(memory + chunk * size, group.queries(), group.width());
      };
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        std::fill_n(seen(chunk).sum, group.queries(), 0.0F);
        group.see(q + part.begin * row, chunk, chunk + 1, seen(chunk));
      }
      // the count goes up to `chunks`, then restarts at 0
      if (done_[g].fetch_add(end - begin, std::memory_order_acq_rel) + end - begin == part.chunks) {
        done_[g].store(0, std::memory_order_relaxed);
        for (std::int64_t chunk = 1; chunk < part.chunks; ++chunk) {
          for (std::int64_t query = 0; query < group.queries(); ++query) {
            seen(0).add(query, seen(chunk));
          }
        }
        group.scatter(seen(0), out + part.begin * row);
      }
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
  CacheAttention attention(cache, rows);
  Team::run([&](Team::Member& member) {
    attention.run(layer, queries.const_data_ptr<float>(), out.mutable_data_ptr<float>(), member);
  });
  return out.to(q.scalar_type());
}

}  // namespace routedk::kernels::cpu
