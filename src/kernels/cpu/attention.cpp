/// Causal attention on float tensors: products, with the tiles of tile.h, of each block of queries with
/// exactly the keys that it sees.
#include "routedk/kernels/cpu/softmax.h"

#include "../exact_attention.h"
#include "attention_panels.h"

namespace routedk::kernels::cpu {
namespace {

constexpr std::int64_t kQueries = 48;  ///< per block; few, since some scores of a block belong to later keys
constexpr std::int64_t kDepth = 256;   ///< words of a panel per product

/// C (+)= A [count,depth] times panels of `width` columns, each `depth` words deep.
template <typename Word>
struct PanelProduct {
  TileRows<Word> rows;
  const Word* panels;
  std::int64_t panel_rows;  ///< distance between panels
  std::int64_t depth;
  std::int64_t width;
  bool add;  ///< whether to add to C
};

template <typename Word>
void multiply(const PanelProduct<Word>& p) {
  static const TileFn<Word> tile = choose_tile<Word>();
  for (std::int64_t first = 0; first < p.width; first += kPanel) {
    for (std::int64_t k = 0; k < p.depth; k += kDepth) {
      TileRows<Word> rows = p.rows;
      rows.a += k;
      rows.c += first;
      tile(rows, p.panels + (first / kPanel * p.panel_rows + k) * kPanel, std::min(kDepth, p.depth - k),
           std::min(kPanel, p.width - first), k > 0 || p.add);
    }
  }
}

/// C += A^T times panels of the same kind; A has few rows.
template <typename Word>
void add_transposed(const PanelProduct<Word>& p) {
  static const TileFn<Word> tile = choose_transposed_tile<Word>();
  for (std::int64_t first = 0; first < p.width; first += kPanel) {
    TileRows<Word> rows = p.rows;
    rows.c += first;
    tile(rows, p.panels + first / kPanel * p.panel_rows * kPanel, p.depth, std::min(kPanel, p.width - first),
         true);
  }
}

/// Scores -> softmax over the first `seen`, zero up to `size`; returns the log of the sum.
ROUTEDK_CLONES float softmax(float* scores, std::int64_t seen, std::int64_t size, float scale) {
  const float most = largest_value(scores, seen, scores[0]) * scale;
  for (std::int64_t j = 0; j < seen; ++j) {
    scores[j] = exponential(scores[j] * scale - most);
  }
  const auto sum = sum_of<float>(seen, [=](std::int64_t j) { return scores[j]; });
  const float inverse = 1.0F / sum;
  for (std::int64_t j = 0; j < seen; ++j) {
    scores[j] *= inverse;
  }
  std::fill(scores + seen, scores + size, 0.0F);
  return most + std::log(sum);
}

struct BackwardRow {
  std::int64_t seen;
  std::int64_t size;
  float scale;
  float log_sum;
  float along;  ///< dout . out: the mean gradient of the weights, weighted by them
};

/// Scores -> weights, and the gradient of the weights -> that of the scores; zero from `seen` to `size`.
ROUTEDK_CLONES void softmax_backward(float* scores, float* gradient, const BackwardRow& row) {
  const BackwardRow r = row;
  for (std::int64_t j = 0; j < r.seen; ++j) {
    scores[j] = exponential(scores[j] * r.scale - r.log_sum);
    gradient[j] = scores[j] * (gradient[j] - r.along) * r.scale;
  }
  std::fill(scores + r.seen, scores + r.size, 0.0F);
  std::fill(gradient + r.seen, gradient + r.size, 0.0F);
}

ROUTEDK_CLONES float dot(const float* a, const float* b, std::int64_t size) {
  return sum_of<float>(size, [=](std::int64_t i) { return a[i] * b[i]; });
}

/// A block of a segment's queries for one head.
struct QueryBlock {
  std::int64_t token;  ///< index of its first query
  std::int64_t count;
  std::int64_t place;  ///< offset of its first query in [T,H,C]
};

/// The keys that the block sees: its segment's parent, then its segment up to the block's last query.
struct SeenKeys {
  std::size_t segment;
  std::int64_t count;
  std::int64_t column;  ///< of the first such key in the block's scores
};

class SeenParts {
 public:
  SeenParts(const AttentionWork& work, std::size_t s) : work_(work), segment_(s) {
    const std::int64_t parent = work.segment(s).parent;
    if (parent >= 0) {
      parent_ = static_cast<std::size_t>(parent);
      before_ = work.length(parent_);
    }
  }
  std::int64_t before() const { return before_; }  ///< number of keys that every query sees
  template <typename Each>
  void for_each(std::int64_t own, const Each& each) const {
    if (before_ > 0) {
      each(SeenKeys{parent_, before_, 0});
    }
    each(SeenKeys{segment_, own, before_});
  }
  template <typename Each>
  void for_each_block(std::int64_t head, const Each& each) const {
    for (std::int64_t first = 0; first < work_.length(segment_); first += kQueries) {
      const std::int64_t token = work_.segment(segment_).begin + first;
      each(first, QueryBlock{token, std::min(kQueries, work_.length(segment_) - first),
                             token * work_.stride() + head * work_.size()});
    }
  }

 private:
  const AttentionWork& work_;
  std::size_t segment_;
  std::size_t parent_ = 0;
  std::int64_t before_ = 0;
};

/// A thread's scratch memory for one block.
template <typename Word>
class BlockScratch {
 public:
  BlockScratch(std::int64_t rows, std::int64_t columns)
      : memory_(at::empty({rows * padded(columns)}, at::kInt)) {}
  Word* data() const { return static_cast<Word*>(memory_.mutable_data_ptr()); }

 private:
  at::Tensor memory_;
};

template <typename Word>
class Forward {
 public:
  Forward(const AttentionInput& in, const AttentionOutput& out)
      : work_(in),
        keys_(in.k, in.segments, PanelForm::kTransposed),
        values_(in.v, in.segments, PanelForm::kPlain),
        q_(in.q.const_data_ptr<float>()),
        out_(out.out.mutable_data_ptr<float>()),
        log_sums_(out.log_sums.mutable_data_ptr<float>()) {}

  void run() const {
    work_.for_each([this] {
      const std::int64_t width = work_.width();
      return
          [this, scores = BlockScratch<float>(kQueries, width), words = BlockScratch<Word>(kQueries, width),
           queries = BlockScratch<Word>(kQueries, work_.size())](std::size_t s, std::int64_t head) {
            const SeenParts parts(work_, s);
            parts.for_each_block(head, [&](std::int64_t first, const QueryBlock& block) {
              weigh(parts, first, block, head, scores.data(), queries.data());
              add_values(parts, first, block, head, scores.data(), words.data());
            });
          };
    });
  }

 private:
  /// Scores of the block, then their softmax; rows are `width` apart.
  void weigh(const SeenParts& parts, std::int64_t first, const QueryBlock& block, std::int64_t head,
             float* scores, Word* scratch) const {
    const std::int64_t width = work_.width();
    const std::int64_t depth = words_of<Word>(work_.size());
    const Operand<Word> q = along({q_ + block.place, work_.stride(), block.count, work_.size()}, scratch);
    parts.for_each(first + block.count, [&](const SeenKeys& seen) {
      multiply<Word>({{q.data, q.stride, scores + seen.column, width, block.count},
                      keys_.at(seen.segment, work_.shared(head)),
                      depth,
                      depth,
                      seen.count,
                      false});
    });
    for (std::int64_t r = 0; r < block.count; ++r) {
      log_sums_[(block.token + r) * work_.heads() + head] =
          softmax(scores + r * width, parts.before() + first + r + 1, parts.before() + first + block.count,
                  work_.scale());
    }
  }

  void add_values(const SeenParts& parts, std::int64_t first, const QueryBlock& block, std::int64_t head,
                  const float* weights, Word* scratch) const {
    parts.for_each(first + block.count, [&](const SeenKeys& seen) {
      const Operand<Word> a = along({weights + seen.column, work_.width(), block.count, seen.count}, scratch);
      multiply<Word>({{a.data, a.stride, out_ + block.place, work_.stride(), block.count},
                      values_.at(seen.segment, work_.shared(head)),
                      words_of<Word>(work_.length(seen.segment)),
                      words_of<Word>(seen.count),
                      work_.size(),
                      seen.column > 0});
    });
  }

  AttentionWork work_;
  Panels<Word> keys_;
  Panels<Word> values_;
  const float* q_;
  float* out_;
  float* log_sums_;
};

/// Recomputes the scores (arXiv 2205.14135).
template <typename Word>
class Backward {
 public:
  Backward(const AttentionInput& in, const AttentionOutput& out, const at::Tensor& dout,
           const AttentionGradients& to)
      : work_(in),
        keys_(in.k, in.segments, PanelForm::kPlain),
        keys_across_(in.k, in.segments, PanelForm::kTransposed),
        values_across_(in.v, in.segments, PanelForm::kTransposed),
        q_(in.q.const_data_ptr<float>()),
        out_(out.out.const_data_ptr<float>()),
        d_(dout.const_data_ptr<float>()),
        log_sums_(out.log_sums.const_data_ptr<float>()),
        to_q_(to.q.mutable_data_ptr<float>()),
        to_k_(to.k.mutable_data_ptr<float>()),
        to_v_(to.v.mutable_data_ptr<float>()) {}

  void run() const {
    work_.for_each([this] {
      return [this, scratch = Scratch(work_)](std::size_t s, std::int64_t head) {
        const SeenParts parts(work_, s);
        parts.for_each_block(head, [&](std::int64_t first, const QueryBlock& block) {
          differentiate(parts, first, block, head, scratch);
          add_gradients(parts, first, block, head, scratch);
        });
      };
    });
  }

 private:
  struct Scratch {
    explicit Scratch(const AttentionWork& work)
        : weights(kQueries, work.width()),
          gradient(kQueries, work.width()),
          rows(kQueries, std::max(work.width(), work.size())),
          queries(kQueries, work.size()),
          above(kQueries, work.size()) {}
    BlockScratch<float> weights;
    BlockScratch<float> gradient;
    BlockScratch<Word> rows;
    BlockScratch<Word> queries;  ///< as panels, like `above`
    BlockScratch<Word> above;
  };

  Rows of_block(const float* x, const QueryBlock& block) const {
    return {x + block.place, work_.stride(), block.count, work_.size()};
  }

  /// Scores and the gradient of the weights -> the weights and the gradient of the scores.
  void differentiate(const SeenParts& parts, std::int64_t first, const QueryBlock& block, std::int64_t head,
                     const Scratch& scratch) const {
    score(parts, first, block, head, q_, keys_across_, scratch.weights.data(), scratch.rows.data());
    score(parts, first, block, head, d_, values_across_, scratch.gradient.data(), scratch.rows.data());
    const std::int64_t width = work_.width();
    for (std::int64_t r = 0; r < block.count; ++r) {
      const std::int64_t row = block.place + r * work_.stride();
      softmax_backward(
          scratch.weights.data() + r * width, scratch.gradient.data() + r * width,
          {parts.before() + first + r + 1, parts.before() + first + block.count, work_.scale(),
           log_sums_[(block.token + r) * work_.heads() + head], dot(d_ + row, out_ + row, work_.size())});
    }
  }

  void score(const SeenParts& parts, std::int64_t first, const QueryBlock& block, std::int64_t head,
             const float* x, const Panels<Word>& panels, float* to, Word* scratch) const {
    const std::int64_t depth = words_of<Word>(work_.size());
    const Operand<Word> a = along(of_block(x, block), scratch);
    parts.for_each(first + block.count, [&](const SeenKeys& seen) {
      multiply<Word>({{a.data, a.stride, to + seen.column, work_.width(), block.count},
                      panels.at(seen.segment, work_.shared(head)),
                      depth,
                      depth,
                      seen.count,
                      false});
    });
  }

  void add_gradients(const SeenParts& parts, std::int64_t first, const QueryBlock& block, std::int64_t head,
                     const Scratch& scratch) const {
    pack_block(of_block(q_, block), scratch.queries.data());
    pack_block(of_block(d_, block), scratch.above.data());
    parts.for_each(first + block.count, [&](const SeenKeys& seen) {
      const Rows gradient{scratch.gradient.data() + seen.column, work_.width(), block.count, seen.count};
      const Rows weights{scratch.weights.data() + seen.column, work_.width(), block.count, seen.count};
      const Operand<Word> a = along(gradient, scratch.rows.data());
      multiply<Word>({{a.data, a.stride, to_q_ + block.place, work_.stride(), block.count},
                      keys_.at(seen.segment, work_.shared(head)),
                      words_of<Word>(work_.length(seen.segment)),
                      words_of<Word>(seen.count),
                      work_.size(),
                      seen.column > 0});
      const std::int64_t place = work_.segment(seen.segment).begin * work_.stride() + head * work_.size();
      add_sum(gradient, scratch.queries.data(), to_k_ + place, scratch.rows.data());
      add_sum(weights, scratch.above.data(), to_v_ + place, scratch.rows.data());
    });
  }

  /// rows^T [keys,queries] times the block's panels.
  void add_sum(const Rows& rows, const Word* panels, float* to, Word* scratch) const {
    const std::int64_t depth = words_of<Word>(rows.count);
    const Operand<Word> a = across(rows, scratch);
    add_transposed<Word>(
        {{a.data, a.stride, to, work_.stride(), rows.size}, panels, depth, depth, work_.size(), true});
  }

  static void pack_block(const Rows& rows, Word* panels) {
    for (std::int64_t c = 0; c < rows.size; c += kPanel, panels += words_of<Word>(rows.count) * kPanel) {
      pack_panel({rows.data + c, rows.stride, rows.count, std::min(kPanel, rows.size - c)}, panels);
    }
  }

  AttentionWork work_;
  Panels<Word> keys_;
  Panels<Word> keys_across_;
  Panels<Word> values_across_;
  const float* q_;
  const float* out_;
  const float* d_;
  const float* log_sums_;
  float* to_q_;
  float* to_k_;  // [T,H,C]: per query head, like to_v_
  float* to_v_;
};

}  // namespace

AttentionOutput attention(const AttentionInput& in) {
  if (in.q.scalar_type() != at::kFloat) {
    return exact_attention(in);
  }
  AttentionOutput out{at::empty_like(in.q), at::empty({in.q.size(0), in.q.size(1)}, at::kFloat)};
  if (in.precision == Precision::kBFloat16) {
    Forward<Pair>(in, out).run();
  } else {
    Forward<float>(in, out).run();
  }
  return out;
}

AttentionGradients attention_backward(const AttentionInput& in, const AttentionOutput& out,
                                      const at::Tensor& dout) {
  if (in.q.scalar_type() != at::kFloat) {
    return exact_attention_backward(in, out, dout);
  }
  const AttentionGradients to{at::empty_like(in.q), at::zeros_like(in.q), at::zeros_like(in.q)};
  if (in.precision == Precision::kBFloat16) {
    Backward<Pair>(in, out, dout, to).run();
  } else {
    Backward<float>(in, out, dout, to).run();
  }
  const auto summed = [&](const at::Tensor& x) {
    return x.view({x.size(0), in.k.size(1), -1, in.k.size(2)}).sum(2);
  };
  return {to.q, summed(to.k), summed(to.v)};
}

}  // namespace routedk::kernels::cpu
