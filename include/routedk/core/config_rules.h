/// Rules a configuration value must keep. Each says itself in words that follow "must be".
#pragma once

#include <string>

namespace routedk {

struct NoRule {
  template <typename T>
  bool holds(const T& /*value*/) const noexcept {
    return true;
  }
  static std::string words() { return {}; }
};

class NumberRule {
 public:
  enum class Kind { kPositive, kAtLeast, kBetween };
  NumberRule(Kind kind, double low, double high) noexcept : kind_(kind), low_(low), high_(high) {}
  bool holds(double value) const noexcept;
  /// "at least 1"
  std::string words() const;

 private:
  Kind kind_;
  double low_;
  double high_;
};

/// value > 0
NumberRule positive() noexcept;
/// value >= low
NumberRule at_least(double low) noexcept;
/// low <= value <= high
NumberRule between(double low, double high) noexcept;

}  // namespace routedk
