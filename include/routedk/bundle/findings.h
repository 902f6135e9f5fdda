/// What is wrong with a data folder, in sentences with their places.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace routedk::bundle {

enum class Severity {
  kError,    ///< the data break a rule: nothing computed from them can be trusted
  kLeak,     ///< the data give labels away to a model that is shown them
  kWarning,  ///< odd, but harmless
};
constexpr auto enum_names(Severity /*of*/) {
  return std::to_array<EnumName<Severity>>(
      {{Severity::kError, "error"}, {Severity::kLeak, "leak"}, {Severity::kWarning, "warning"}});
}

struct Finding {
  Severity severity = Severity::kError;
  std::string rule;  ///< the broken rule's name
  std::filesystem::path file;
  std::int64_t line = 0;  ///< 0: the file as a whole
  std::string message;
};

/// Counts every finding and keeps the first kKept of each rule and file.
class Findings {
 public:
  static constexpr std::int64_t kKept = 20;

  void add(Finding finding);
  void add(const Findings& others);

  std::int64_t count(Severity severity) const;
  std::int64_t count(const std::string& rule) const;
  const std::vector<Finding>& kept() const noexcept { return kept_; }

  /// {"errors", "leaks", "warnings": counts, "rules": {name: count}, "findings": [{"severity", "rule",
  /// "file", "line" or null, "message"}]}
  io::Json to_json() const;
  /// "file:line: error: message [rule]" lines, "... and 7 more [rule]", then the counts.
  std::string to_text() const;

 private:
  std::vector<Finding> kept_;
  std::map<std::pair<std::string, std::filesystem::path>, std::int64_t> places_;  // (rule, file) -> count
  std::map<std::string, std::int64_t> rules_;
  std::map<Severity, std::int64_t> severities_;
};

}  // namespace routedk::bundle
