#include "routedk/train/schedule.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace routedk::train {

Schedule::Schedule(const std::string& kind, double warmup_share, std::int64_t steps)
    : kind_(parse(kind)),
      steps_(steps),
      warmup_(static_cast<std::int64_t>(std::ceil(warmup_share * static_cast<double>(steps)))) {}

Schedule::Kind Schedule::parse(const std::string& kind) {
  if (kind == "cosine") {
    return Kind::kCosine;
  }
  if (kind == "linear") {
    return Kind::kLinear;
  }
  if (kind == "constant") {
    return Kind::kConstant;
  }
  throw_<ConfigError>("`schedule` must be one of cosine, linear, constant, but is `{}` instead.", kind);
}

double Schedule::factor(std::int64_t step) const noexcept {
  if (step < warmup_) {
    return static_cast<double>(step) / static_cast<double>(warmup_);
  }
  const double rest = static_cast<double>(std::max<std::int64_t>(1, steps_ - warmup_));
  const double progress = static_cast<double>(step - warmup_) / rest;
  switch (kind_) {
    case Kind::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    case Kind::kLinear:
      return 1.0 - progress;
    case Kind::kConstant:
      break;
  }
  return 1.0;
}

}  // namespace routedk::train
