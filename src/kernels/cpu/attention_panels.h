/// The parts of attention: keys and values as panels, and the units of work.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../devices.h"
#include "tile_operands.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {

/// Rounds up to whole panels.
inline std::int64_t padded(std::int64_t size) {
  return (size + kPanel - 1) / kPanel * kPanel;
}

/// The layout of the panels of a segment's rows [t,C] for one head.
enum class PanelForm {
  kPlain,       ///< [C / kPanel][words_of(t)][kPanel]
  kTransposed,  ///< [t / kPanel][words_of(C)][kPanel]
};

/// Keys or values as panels, for every segment and head.
template <typename Word>
class Panels {
 public:
  /// x [T,G,C]
  Panels(const at::Tensor& x, const std::vector<Segment>& segments, PanelForm form) : form_(form) {
    std::int64_t place = 0;
    for (const Segment& segment : segments) {
      places_.push_back(place);
      place += padded(segment.end - segment.begin) * padded(x.size(2));
    }
    size_ = place;
    data_ = at::empty({x.size(1), size_}, at::kInt);
    const auto tasks = static_cast<std::int64_t>(segments.size()) * x.size(1);
    at::parallel_for(0, tasks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        pack(x, segments, static_cast<std::size_t>(task / x.size(1)), task % x.size(1));
      }
    });
  }
  const Word* at(std::size_t segment, std::int64_t head) const {
    return static_cast<const Word*>(data_.const_data_ptr()) + head * size_ + places_[segment];
  }

 private:
  void pack(const at::Tensor& x, const std::vector<Segment>& segments, std::size_t s, std::int64_t head) {
    const std::int64_t size = x.size(2);
    const std::int64_t stride = x.size(1) * size;
    const std::int64_t count = segments[s].end - segments[s].begin;
    const auto* const from = x.const_data_ptr<float>() + segments[s].begin * stride + head * size;
    auto* to = static_cast<Word*>(data_.mutable_data_ptr()) + head * size_ + places_[s];
    if (form_ == PanelForm::kPlain) {
      for (std::int64_t c = 0; c < size; c += kPanel, to += words_of<Word>(count) * kPanel) {
        pack_panel({from + c, stride, count, std::min(kPanel, size - c)}, to);
      }
      return;
    }
    std::vector<Word> scratch(static_cast<std::size_t>(kPanel * words_of<Word>(size)));
    for (std::int64_t row = 0; row < count; row += kPanel, to += words_of<Word>(size) * kPanel) {
      pack_transposed_panel({from + row * stride, stride, std::min(kPanel, count - row), size}, to,
                            scratch.data());
    }
  }

  PanelForm form_;
  std::int64_t size_ = 0;  ///< words of all segments for one head
  at::Tensor data_;
  std::vector<std::int64_t> places_;  // [S]
};

/// A segment without a parent and its children: one thread's work for one head, since the children add to the
/// parent's gradients.
using Family = std::vector<std::size_t>;

class AttentionWork {
 public:
  explicit AttentionWork(const AttentionInput& in)
      : segments_(in.segments),
        heads_(in.q.size(1)),
        shared_(heads_ / in.k.size(1)),
        size_(in.q.size(2)),
        families_(segments_.size()) {
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      const std::int64_t parent = segments_[s].parent;
      families_[parent < 0 ? s : static_cast<std::size_t>(parent)].push_back(s);
      seen_.push_back(length(s) + (parent < 0 ? 0 : length(static_cast<std::size_t>(parent))));
    }
    std::erase_if(families_, [](const Family& family) { return family.empty(); });
    std::stable_sort(families_.begin(), families_.end(),
                     [&](const Family& a, const Family& b) { return products_of(a) > products_of(b); });
  }

  const Segment& segment(std::size_t s) const { return segments_[s]; }
  std::int64_t length(std::size_t s) const { return segments_[s].end - segments_[s].begin; }
  std::int64_t heads() const { return heads_; }
  std::int64_t stride() const { return heads_ * size_; }  ///< from one token to the next
  std::int64_t size() const { return size_; }             // C
  std::int64_t shared(std::int64_t head) const { return head / shared_; }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(size_)); }
  /// The most keys that any query sees.
  std::int64_t width() const { return seen_.empty() ? 0 : *std::max_element(seen_.begin(), seen_.end()); }

  /// Calls make_run()(segment, head), with one run per thread. Families with the most products come first;
  /// each thread takes the next free head of a family.
  template <typename MakeRun>
  void for_each(const MakeRun& make_run) const {
    const std::int64_t tasks = static_cast<std::int64_t>(families_.size()) * heads_;
    std::atomic<std::int64_t> next{0};
    at::parallel_for(0, std::min<std::int64_t>(at::get_num_threads(), tasks), 1, [&](auto, auto) {
      auto run = make_run();
      for (std::int64_t i = next++; i < tasks; i = next++) {
        for (const std::size_t s : families_[static_cast<std::size_t>(i / heads_)]) {
          run(s, i % heads_);
        }
      }
    });
  }

 private:
  std::int64_t products_of(const Family& family) const {
    return std::accumulate(family.begin(), family.end(), std::int64_t{0},
                           [&](std::int64_t sum, std::size_t s) { return sum + length(s) * seen_[s]; });
  }

  const std::vector<Segment>& segments_;
  std::int64_t heads_;
  std::int64_t shared_;  ///< query heads per key head
  std::int64_t size_;    // C
  std::vector<Family> families_;
  std::vector<std::int64_t> seen_;  // [S]: keys that the last token of each sees
};

}  // namespace routedk::kernels::cpu
