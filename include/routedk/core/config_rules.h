/// Rules a configuration value must keep. Each says itself in words that follow "must be".
#pragma once

#include <filesystem>
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

/// A file or folder that is read. What a YAML says is seen from that YAML's own folder, whoever includes it
/// and wherever it is used; what a command line says, from the working directory.
struct InputPath {
  static bool holds(const std::string& /*path*/) noexcept { return true; }
  static std::string words() { return {}; }
  /// The path that a text of a file in `folder` means; an empty one means none.
  static std::string seen_from(const std::filesystem::path& folder, const std::string& path);
};

}  // namespace routedk
