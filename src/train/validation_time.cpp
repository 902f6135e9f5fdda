#include "routedk/train/validation_time.h"

#include <algorithm>

namespace routedk::train {

void ValidationTime::add_step(std::int64_t examples, double seconds) {
  step_examples_ += static_cast<double>(examples);
  step_seconds_ += seconds;
}

void ValidationTime::add_validation(double seconds) {
  ++done_;
  --to_come_;
  seconds_ += seconds;
}

double ValidationTime::left() const {
  constexpr double kForwardShare = 1.0 / 3.0;
  const double of_one = done_ > 0 ? seconds_ / static_cast<double>(done_)
                                  : kForwardShare * examples_ * step_seconds_ / std::max(step_examples_, 1.0);
  return of_one * static_cast<double>(std::max<std::int64_t>(to_come_, 0));
}

}  // namespace routedk::train
