#include "routedk/core/config_rules.h"

#include <fmt/format.h>

namespace routedk {

bool NumberRule::holds(double value) const noexcept {
  switch (kind_) {
    case Kind::kPositive:
      return value > 0;
    case Kind::kAtLeast:
      return value >= low_;
    case Kind::kBetween:
      break;
  }
  return value >= low_ && value <= high_;
}

std::string NumberRule::words() const {
  switch (kind_) {
    case Kind::kPositive:
      return "positive";
    case Kind::kAtLeast:
      return fmt::format("at least {}", low_);
    case Kind::kBetween:
      break;
  }
  return fmt::format("between {} and {}", low_, high_);
}

NumberRule positive() noexcept {
  return {NumberRule::Kind::kPositive, 0, 0};
}

NumberRule at_least(double low) noexcept {
  return {NumberRule::Kind::kAtLeast, low, low};
}

NumberRule between(double low, double high) noexcept {
  return {NumberRule::Kind::kBetween, low, high};
}

std::string InputPath::seen_from(const std::filesystem::path& folder, const std::string& path) {
  return path.empty() || folder.empty() ? path : (folder / path).lexically_normal().string();
}

}  // namespace routedk
