#include "routedk/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace routedk::train {

Schedule::Schedule(ScheduleKind kind, double warmup_share, std::int64_t steps)
    : kind_(kind),
      steps_(steps),
      warmup_(static_cast<std::int64_t>(std::ceil(warmup_share * static_cast<double>(steps)))) {}

double Schedule::factor(std::int64_t step) const noexcept {
  if (step < warmup_) {
    return static_cast<double>(step + 1) / static_cast<double>(warmup_ + 1);
  }
  const double rest = static_cast<double>(std::max<std::int64_t>(1, steps_ - warmup_));
  const double progress = static_cast<double>(step - warmup_) / rest;
  switch (kind_) {
    case ScheduleKind::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    case ScheduleKind::kLinear:
      return 1.0 - progress;
    case ScheduleKind::kConstant:
      break;
  }
  return 1.0;
}

}  // namespace routedk::train
