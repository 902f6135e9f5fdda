/// Causal attention in fp32: products of the tiles of tile.h, of each block of queries with the keys that it
/// sees and no others.
#include "routedk/kernels/cpu/softmax.h"
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "../devices.h"
#include "flash_attention.h"
#include "rows.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

constexpr std::int64_t kQueries = 48;  ///< a block of them; few, since some of its scores are of later keys
constexpr std::int64_t kDepth = 256;   ///< rows of a panel that one product takes

std::int64_t padded(std::int64_t size) {
  return (size + kPanel - 1) / kPanel * kPanel;
}

/// Columns 0..width of some rows, `stride` apart, as panels [width / kPanel][rows][kPanel].
void pack(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t width, float* panels) {
  for (std::int64_t first = 0; first < width; first += kPanel) {
    const std::int64_t size = std::min(kPanel, width - first);
    for (std::int64_t row = 0; row < rows; ++row, panels += kPanel) {
      fill_panel_row(x + row * stride + first, size, panels);
    }
  }
}

/// The same of their transpose: [rows / kPanel][width][kPanel].
void pack_transposed(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t width,
                     float* panels) {
  for (std::int64_t first = 0; first < rows; first += kPanel, panels += width * kPanel) {
    for (std::int64_t j = 0; j < kPanel; ++j) {
      for (std::int64_t c = 0; c < width; ++c) {
        panels[c * kPanel + j] = first + j < rows ? x[(first + j) * stride + c] : 0.0F;
      }
    }
  }
}

/// One head's panels of every sequence, for all heads.
class Panels {
 public:
  /// x [T,G,C]
  Panels(const at::Tensor& x, const std::vector<std::int64_t>& bounds, bool transposed)
      : rows_(padded(bounds.back()) + kPanel * static_cast<std::int64_t>(bounds.size())),
        width_(padded(x.size(2))),
        data_(at::empty({x.size(1), rows_ * width_}, at::kFloat)) {
    std::int64_t place = 0;
    for (std::size_t s = 0; s + 1 < bounds.size(); ++s) {
      places_.push_back(place);
      place += padded(bounds[s + 1] - bounds[s]) * width_;
    }
    const auto* const from = x.const_data_ptr<float>();
    const std::int64_t stride = x.size(1) * x.size(2);
    const auto tasks = static_cast<std::int64_t>(places_.size()) * x.size(1);
    at::parallel_for(0, tasks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        const std::int64_t head = task % x.size(1);
        const auto s = static_cast<std::size_t>(task / x.size(1));
        (transposed ? pack_transposed : pack)(from + bounds[s] * stride + head * x.size(2),
                                              bounds[s + 1] - bounds[s], stride, x.size(2), at(s, head));
      }
    });
  }
  float* at(std::size_t sequence, std::int64_t head) const {
    return data_.mutable_data_ptr<float>() + head * rows_ * width_ + places_[sequence];
  }

 private:
  std::int64_t rows_;   ///< of all sequences, padded each
  std::int64_t width_;  ///< padded
  at::Tensor data_;
  std::vector<std::int64_t> places_;  // [S]
};

/// C (+)= A [rows,depth] times panels of `width` columns, `depth` rows each.
struct Product {
  TileRows rows;
  const float* panels;
  std::int64_t panel_rows;  ///< from one panel to the next
  std::int64_t depth;
  std::int64_t width;
};

void multiply(const Product& p) {
  static const TileFn tile = choose_tile();
  for (std::int64_t first = 0; first < p.width; first += kPanel) {
    for (std::int64_t k = 0; k < p.depth; k += kDepth) {
      TileRows rows = p.rows;
      rows.a += k;
      rows.c += first;
      tile(rows, p.panels + (first / kPanel * p.panel_rows + k) * kPanel, std::min(kDepth, p.depth - k),
           std::min(kPanel, p.width - first), k > 0);
    }
  }
}

/// C += A^T times such panels; A has few rows.
void add_transposed(const Product& p) {
  static const TileFn tile = choose_transposed_tile();
  for (std::int64_t first = 0; first < p.width; first += kPanel) {
    TileRows rows = p.rows;
    rows.c += first;
    tile(rows, p.panels + first / kPanel * p.panel_rows * kPanel, p.depth, std::min(kPanel, p.width - first),
         true);
  }
}

/// Scores -> their softmax over the first `seen`, zero up to `size`; returns the log of the sum.
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
  float along;  ///< dout . out: the mean of the weights' gradient under the weights
};

/// Scores -> weights, their gradient -> that of the scores; zero from `seen` to `size`.
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

/// One query head of one sequence.
struct Task {
  std::size_t sequence;
  std::int64_t head;
  std::int64_t begin;
  std::int64_t size;
};

/// Blocks of queries for all tasks, the longest sequences first, each thread taking the next that is free:
/// run(task, scratch), the scratch with `buffers` blocks of a row for each query.
class Work {
 public:
  explicit Work(const AttentionInput& in)
      : heads_(in.q.size(1)), shared_(heads_ / in.k.size(1)), size_(in.q.size(2)), bounds_(in.bounds) {
    order_.resize(bounds_.size() - 1);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return length(a) > length(b); });
  }
  std::int64_t length(std::size_t s) const { return bounds_[s + 1] - bounds_[s]; }
  std::int64_t stride() const { return heads_ * size_; }  ///< from one token to the next
  std::int64_t size() const { return size_; }
  std::int64_t shared(std::int64_t head) const { return head / shared_; }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(size_)); }
  /// Of a row of scores.
  std::int64_t width() const { return order_.empty() ? 0 : padded(length(order_.front())); }
  /// Where a task's head begins in [T,H,C].
  std::int64_t place(const Task& task) const { return task.begin * stride() + task.head * size_; }

  template <typename Run>
  void for_each(std::int64_t scratch, const Run& run) const {
    const std::int64_t tasks = static_cast<std::int64_t>(order_.size()) * heads_;
    std::atomic<std::int64_t> next{0};
    at::parallel_for(0, std::min<std::int64_t>(at::get_num_threads(), tasks), 1, [&](auto, auto) {
      const at::Tensor memory = at::empty({scratch}, at::kFloat);
      for (std::int64_t i = next++; i < tasks; i = next++) {
        const std::size_t s = order_[static_cast<std::size_t>(i / heads_)];
        run(Task{s, i % heads_, bounds_[s], length(s)}, memory.mutable_data_ptr<float>());
      }
    });
  }

 private:
  std::int64_t heads_;
  std::int64_t shared_;  ///< query heads of a key head
  std::int64_t size_;    // C
  const std::vector<std::int64_t>& bounds_;
  std::vector<std::size_t> order_;
};

}  // namespace

AttentionOutput attention(const AttentionInput& in) {
  if (in.q.scalar_type() != at::kFloat) {
    return flash_attention(in);
  }
  const Work work(in);
  const Panels keys(in.k, in.bounds, /*transposed=*/true);
  const Panels values(in.v, in.bounds, /*transposed=*/false);
  AttentionOutput out{at::empty_like(in.q), {at::empty({in.q.size(0), in.q.size(1)}, at::kFloat)}};
  const auto* const q = in.q.const_data_ptr<float>();
  auto* const seen = out.out.mutable_data_ptr<float>();
  auto* const log_sums = out.log_sums[0].mutable_data_ptr<float>();
  const std::int64_t width = work.width();
  work.for_each(kQueries * width, [&](const Task& task, float* scores) {
    const float* const of_keys = keys.at(task.sequence, work.shared(task.head));
    const float* const of_values = values.at(task.sequence, work.shared(task.head));
    for (std::int64_t first = 0; first < task.size; first += kQueries) {
      const std::int64_t rows = std::min(kQueries, task.size - first);
      const std::int64_t all = first + rows;
      const std::int64_t at = work.place(task) + first * work.stride();
      multiply(
          {{q + at, work.stride(), scores, width, rows}, of_keys, work.size(), work.size(), padded(all)});
      for (std::int64_t r = 0; r < rows; ++r) {
        log_sums[(task.begin + first + r) * in.q.size(1) + task.head] =
            softmax(scores + r * width, first + r + 1, all, work.scale());
      }
      multiply({{scores, width, seen + at, work.stride(), rows}, of_values, task.size, all, work.size()});
    }
  });
  return out;
}

/// Scores are computed again (arXiv 2205.14135).
AttentionGradients attention_backward(const AttentionInput& in, const AttentionOutput& out,
                                      const at::Tensor& dout) {
  if (in.q.scalar_type() != at::kFloat) {
    return flash_attention_backward(in, out, dout);
  }
  const Work work(in);
  const Panels keys_across(in.k, in.bounds, /*transposed=*/true);
  const Panels values_across(in.v, in.bounds, /*transposed=*/true);
  const Panels keys(in.k, in.bounds, /*transposed=*/false);
  const at::Tensor dq = at::empty_like(in.q);
  const at::Tensor dk = at::zeros_like(in.q);  // of each query head
  const at::Tensor dv = at::zeros_like(in.q);
  const auto* const q = in.q.const_data_ptr<float>();
  const auto* const seen = out.out.const_data_ptr<float>();
  const auto* const log_sums = out.log_sums[0].const_data_ptr<float>();
  const auto* const d = dout.const_data_ptr<float>();
  auto* const to_q = dq.mutable_data_ptr<float>();
  auto* const to_k = dk.mutable_data_ptr<float>();
  auto* const to_v = dv.mutable_data_ptr<float>();
  const std::int64_t width = work.width();
  const std::int64_t stride = work.stride();
  const std::int64_t size = work.size();
  const std::int64_t block = kQueries * padded(size);
  work.for_each(2 * (kQueries * width + block), [&](const Task& task, float* weights) {
    float* const gradient = weights + kQueries * width;  // of the weights, then of the scores
    float* const queries = gradient + kQueries * width;
    float* const from_above = queries + block;
    const std::int64_t group = work.shared(task.head);
    const std::int64_t head = work.place(task);
    for (std::int64_t first = 0; first < task.size; first += kQueries) {
      const std::int64_t rows = std::min(kQueries, task.size - first);
      const std::int64_t all = first + rows;
      const std::int64_t at = head + first * stride;
      multiply({{q + at, stride, weights, width, rows},
                keys_across.at(task.sequence, group),
                size,
                size,
                padded(all)});
      multiply({{d + at, stride, gradient, width, rows},
                values_across.at(task.sequence, group),
                size,
                size,
                padded(all)});
      for (std::int64_t r = 0; r < rows; ++r) {
        const float log_sum = log_sums[(task.begin + first + r) * in.q.size(1) + task.head];
        const float along = dot(d + at + r * stride, seen + at + r * stride, size);
        softmax_backward(weights + r * width, gradient + r * width,
                         {first + r + 1, all, work.scale(), log_sum, along});
      }
      multiply(
          {{gradient, width, to_q + at, stride, rows}, keys.at(task.sequence, group), task.size, all, size});
      pack(q + at, rows, stride, size, queries);
      pack(d + at, rows, stride, size, from_above);
      add_transposed({{gradient, width, to_k + head, stride, all}, queries, rows, rows, size});
      add_transposed({{weights, width, to_v + head, stride, all}, from_above, rows, rows, size});
    }
  });
  const auto summed = [&](const at::Tensor& x) { return x.view({x.size(0), in.k.size(1), -1, size}).sum(2); };
  return {dq, summed(dk), summed(dv)};
}

}  // namespace routedk::kernels::cpu
