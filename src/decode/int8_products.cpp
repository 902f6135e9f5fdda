#include "int8_products.h"

#include <algorithm>
#include <functional>

namespace routedk::decode {

using quant::cpu::Int8Panels;
using quant::cpu::Team;

void Task::multiply(std::int64_t begin, std::int64_t end) const {
  const std::int64_t out = terms[0].weight->out();
  Int8Panels::multiply(terms, {begin, end, add}, y, out);
  if (bias == nullptr) {
    return;
  }
  const std::int64_t column = begin * Int8Panels::kWidth;
  const std::int64_t size = std::min(end * Int8Panels::kWidth, out) - column;
  for (std::int64_t r = 0; r < terms[0].x->rows(); ++r) {
    float* const to = y + r * out + column;
    std::transform(bias + column, bias + column + size, to, to, std::plus<>());
  }
}

void Task::multiply_rows(std::int64_t begin, std::int64_t end) const {
  Int8Panels::multiply(terms, {first, last, add, begin, end}, y, terms[0].weight->out());
}

void multiply(Team::Member& member, const std::vector<Task>& tasks) {
  std::int64_t total = 0;
  for (const Task& t : tasks) {
    total += t.last - t.first;
  }
  member.share(total, [&](std::int64_t first, std::int64_t last) {
    std::int64_t before = 0;
    for (const Task& t : tasks) {
      const std::int64_t begin = std::max(first - before, std::int64_t{0}) + t.first;
      const std::int64_t end = std::min(last - before + t.first, t.last);
      before += t.last - t.first;
      if (begin < end) {
        t.multiply(begin, end);
      }
    }
  });
}

}  // namespace routedk::decode
