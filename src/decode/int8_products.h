/// Products in 8 bits as tasks that a team of threads shares out.
#pragma once

#include "routedk/quant/cpu/int8.h"
#include "routedk/quant/cpu/team.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace routedk::decode {

/// The commonest rank, and the rows of a panel: each expert's ranks are padded to a multiple.
inline constexpr std::int64_t kRanks = 16;
inline constexpr std::int64_t kInputBlock = 64;  ///< NF4's

using Range = std::pair<std::int64_t, std::int64_t>;

/// Panels first .. last of y = x W^T, or of a part of it.
struct Task {
  const quant::cpu::Int8Panels* weight;
  const quant::cpu::Int8Rows* x;
  float* y;
  std::int64_t first;
  std::int64_t last;
  Range ranks = {0, -1};        ///< of B: the columns that count
  bool add = false;             ///< B's share
  const float* bias = nullptr;  ///< [out]

  void multiply(std::int64_t begin, std::int64_t end) const;
};

/// Panels of all tasks, shared out together.
void multiply(quant::cpu::Team::Member& member, const std::vector<Task>& tasks);

template <typename Row>
void for_rows(quant::cpu::Team::Member& member, std::int64_t rows, const Row& row) {
  member.share(rows, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      row(r);
    }
  });
}

}  // namespace routedk::decode
