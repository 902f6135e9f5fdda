/// How long the validations that are still to come will take.
#pragma once

#include <cstdint>

namespace routedk::train {

class ValidationTime {
 public:
  /// `validations` are to come, each of about so many examples.
  ValidationTime(std::int64_t validations, double examples) : to_come_(validations), examples_(examples) {}

  void add_step(std::int64_t examples, double seconds);
  void add_validation(double seconds);
  /// Seconds of all that are to come: each as long as those so far on average; before the first a third of
  /// what steps took for as many examples, since there is no backward pass.
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
