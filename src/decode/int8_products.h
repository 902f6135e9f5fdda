/// Products in 8 bits as tasks that a team of threads shares out.
#pragma once

#include "routedk/quant/cpu/int8.h"
#include "routedk/quant/cpu/team.h"

#include <cstdint>
#include <vector>

#include <c10/util/SmallVector.h>

namespace routedk::decode {

/// The commonest rank, and the rows of a panel: each expert's ranks are padded to a multiple.
inline constexpr std::int64_t kRanks = 16;
inline constexpr std::int64_t kInputBlock = 64;  ///< NF4's

/// Panels first .. last of a sum of products and a bias.
struct Task {
  c10::SmallVector<quant::cpu::Int8Panels::Term, 2> terms;
  float* y;  ///< [rows,out]
  std::int64_t first;
  std::int64_t last;
  bool add = false;             ///< whether y has the sum of earlier terms
  const float* bias = nullptr;  ///< [out]

  /// For panels begin .. end.
  void multiply(std::int64_t begin, std::int64_t end) const;
  /// For rows begin .. end.
  void multiply_rows(std::int64_t begin, std::int64_t end) const;
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
