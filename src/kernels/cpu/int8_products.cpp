#include "routedk/kernels/cpu/int8_products.h"

#include <algorithm>
#include <functional>

namespace routedk::kernels::cpu {

void Task::multiply(std::int64_t begin, std::int64_t end, const Int8Rows* x) const {
  const std::int64_t out = terms[0].weight->out();
  std::vector<Int8Panels::Term> now(terms.begin(), terms.end());
  if (x != nullptr) {
    now[0].x = x;
  }
  Int8Panels::multiply(now, {begin, end, add}, y, out);
  if (bias == nullptr) {
    return;
  }
  const std::int64_t column = begin * Int8Panels::kWidth;
  const std::int64_t size = std::min(end * Int8Panels::kWidth, out) - column;
  for (std::int64_t r = 0; r < now[0].x->rows(); ++r) {
    float* const to = y + r * out + column;
    std::transform(bias + column, bias + column + size, to, to, std::plus<>());
  }
}

std::int64_t Task::panel_bytes() const noexcept {
  std::int64_t bytes = 0;
  for (const Int8Panels::Term& term : terms) {
    bytes += term.weight->panel_bytes();
  }
  return bytes;
}

std::int64_t total_bytes(std::span<const Task> tasks) {
  std::int64_t total = 0;
  for (const Task& task : tasks) {
    total += task.panels() * task.panel_bytes();
  }
  return total;
}

void multiply(WorkSlice& slice, std::span<const Task> tasks, const Int8Rows* x) {
  for (const Task& task : tasks) {
    slice.take(task.panels(), task.panel_bytes(), [&](std::int64_t begin, std::int64_t end) {
      task.multiply(task.first + begin, task.first + end, x);
    });
  }
}

void multiply(Team::Member& member, std::span<const Task> tasks, const Int8Rows* x) {
  member.share(total_bytes(tasks), [&](std::int64_t first, std::int64_t last) {
    WorkSlice slice(first, last);
    multiply(slice, tasks, x);
  });
}

}  // namespace routedk::kernels::cpu
