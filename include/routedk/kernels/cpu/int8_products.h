/// Products in 8 bits as tasks that a team of threads shares out.
#pragma once

#include "routedk/kernels/cpu/int8.h"
#include "routedk/kernels/cpu/team.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <c10/util/SmallVector.h>

namespace routedk::kernels::cpu {

/// The commonest rank, and the rows of a panel: each expert's ranks are padded to a multiple.
inline constexpr std::int64_t kRanks = 16;

/// Panels first .. last of a sum of products and a bias.
struct Task {
  c10::SmallVector<Int8Panels::Term, 2> terms;
  float* y;  ///< [rows,out]
  std::int64_t first;
  std::int64_t last;
  bool add = false;             ///< whether y has the sum of earlier terms
  const float* bias = nullptr;  ///< [out]

  /// For panels begin .. end. x: instead of the first term's rows.
  void multiply(std::int64_t begin, std::int64_t end, const Int8Rows* x = nullptr) const;
  std::int64_t panels() const noexcept { return last - first; }
  /// Of a panel, as memory has them: what it costs.
  std::int64_t panel_bytes() const noexcept;
};

/// What a thread does of work that is laid out on a line, each thing as long as it costs: the things that
/// begin on the thread's slice.
class WorkSlice {
 public:
  WorkSlice(std::int64_t first, std::int64_t last) : first_(first), last_(last) {}

  /// each(begin, end) for the thread's part of the line's next `count` things.
  template <typename Each>
  void take(std::int64_t count, std::int64_t cost, const Each& each) {
    const std::int64_t begin = index(first_, count, cost);
    const std::int64_t end = index(last_, count, cost);
    at_ += count * cost;
    if (begin < end) {
      each(begin, end);
    }
  }

 private:
  /// The first thing that begins at `place` or later.
  std::int64_t index(std::int64_t place, std::int64_t count, std::int64_t cost) const {
    return std::clamp<std::int64_t>((place - at_ + cost - 1) / cost, 0, count);
  }

  std::int64_t first_;
  std::int64_t last_;
  std::int64_t at_ = 0;
};

/// What all panels of the tasks cost.
std::int64_t total_bytes(std::span<const Task> tasks);
/// Those of them on a thread's slice. x: instead of the rows of each task's first term.
void multiply(WorkSlice& slice, std::span<const Task> tasks, const Int8Rows* x = nullptr);
/// All of them, shared out.
void multiply(Team::Member& member, std::span<const Task> tasks, const Int8Rows* x = nullptr);

template <typename Row>
void for_each_row(Team::Member& member, std::int64_t rows, const Row& row) {
  member.share(rows, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      row(r);
    }
  });
}

}  // namespace routedk::kernels::cpu
