/// 8-bit products as tasks divided among a team of threads.
#pragma once

#include "routedk/kernels/cpu/int8.h"
#include "routedk/kernels/cpu/team.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <c10/util/SmallVector.h>

namespace routedk::kernels::cpu {

/// The most common rank, and the rows of a panel: each expert's ranks are padded to a multiple of it.
inline constexpr std::int64_t kRanks = 16;

/// Panels first .. last of a sum of products, plus a bias.
struct Task {
  c10::SmallVector<Int8Panels::Term, 2> terms;
  float* y;  ///< [rows,out]
  std::int64_t first;
  std::int64_t last;
  bool add = false;             ///< whether to add to what y holds
  const float* bias = nullptr;  ///< [out]

  /// Computes panels begin .. end. x: replaces the first term's rows.
  void multiply(std::int64_t begin, std::int64_t end, const Int8Rows* x = nullptr) const;
  std::int64_t panels() const noexcept { return last - first; }
  /// Memory that one panel reads: its cost.
  std::int64_t panel_bytes() const noexcept;
};

/// A thread's share of work laid out on a line, where each item is as long as its cost: the items that begin
/// in the thread's slice of the line.
class WorkSlice {
 public:
  WorkSlice(std::int64_t first, std::int64_t last) : first_(first), last_(last) {}

  /// each(begin, end) for this thread's share of the next `count` items on the line.
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
  /// The first item that begins at `place` or later.
  std::int64_t index(std::int64_t place, std::int64_t count, std::int64_t cost) const {
    return std::clamp<std::int64_t>((place - at_ + cost - 1) / cost, 0, count);
  }

  std::int64_t first_;
  std::int64_t last_;
  std::int64_t at_ = 0;
};

/// The cost of all panels of the tasks.
std::int64_t total_bytes(std::span<const Task> tasks);
/// Computes the panels on the thread's slice. x: replaces the rows of each task's first term.
void multiply(WorkSlice& slice, std::span<const Task> tasks, const Int8Rows* x = nullptr);
/// Divides all panels among the threads.
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
