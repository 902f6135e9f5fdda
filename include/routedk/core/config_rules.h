/// Rules for configuration values. Each states itself in words that follow "must be".
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

/// A file or folder. A leading ~ is refused: only a shell expands it, and not within `--set a=~/b`.
struct FilePath {
  static bool holds(const std::string& path) noexcept { return !path.starts_with('~'); }
  static std::string words() { return "a path without a leading ~, which only a shell expands"; }
};

/// An input file or folder. A path in a YAML file is relative to that file's folder, whatever includes the
/// file and wherever the value is used; a path on the command line is relative to the working directory.
struct InputPath : FilePath {
  /// The path that a string in a file in `folder` refers to; an empty string means none.
  static std::string seen_from(const std::filesystem::path& folder, const std::string& path);
};

}  // namespace routedk
