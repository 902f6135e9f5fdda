/// Estimates how long the remaining validations will take.
#pragma once

#include <cstdint>

namespace routedk::train {

class ValidationTime {
 public:
  /// For `validations` validations of about `examples` examples each.
  ValidationTime(std::int64_t validations, double examples) : to_come_(validations), examples_(examples) {}

  void add_step(std::int64_t examples, double seconds);
  void add_validation(double seconds);
  /// Seconds of all remaining ones: the mean of those so far for each; before the first, a third of the time
  /// that steps took for as many examples, since there is no backward pass.
  double left() const;

 private:
  std::int64_t to_come_;
  double examples_;
  std::int64_t done_ = 0;
  double seconds_ = 0.0;
  double step_examples_ = 0.0;
  double step_seconds_ = 0.0;
};

}  // namespace routedk::train
