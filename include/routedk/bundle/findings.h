/// Problems of a data folder, as sentences with their locations.
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
  kError,    ///< the data break a rule: results computed from them cannot be trusted
  kLeak,     ///< the data reveal labels to a model that sees them
  kWarning,  ///< unusual, but harmless
};
constexpr auto enum_names(Severity /*of*/) {
  return std::to_array<EnumName<Severity>>(
      {{Severity::kError, "error"}, {Severity::kLeak, "leak"}, {Severity::kWarning, "warning"}});
}

struct Finding {
  Severity severity = Severity::kError;
  std::string rule;  ///< name of the broken rule
  std::filesystem::path file;
  std::int64_t line = 0;  ///< 0: the whole file
  std::string message;
};

/// Counts every finding and keeps the first kKept per rule and file.
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
