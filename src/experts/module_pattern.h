/// Regular expressions of an adapter's configuration, as Python's `re` reads them.
#pragma once

#include <memory>
#include <optional>
#include <string>

struct pcre2_real_code_8;

namespace routedk::experts {

/// PCRE2 reads what Python's `re` does (std::regex knows no look-behind, no named groups, and overflows the
/// stack on long repetitions) and stops a match that backtracks without end. Patterns come from outside: at
/// most 1,000 characters, 20,000 steps and 4 MiB a match.
class ModulePattern {
 public:
  /// `expression` is what is compiled, `shown` what errors of the file `place` call it. FileError when it is
  /// too long or no regular expression.
  ModulePattern(const std::string& expression, const std::string& shown, std::string place);

  /// Python's re.fullmatch. FileError when the match takes too many steps.
  bool matches_all(const std::string& module) const;
  /// Python's re.match: from the beginning, not necessarily to the end.
  bool matches_start(const std::string& module) const;
  /// What the group `idx` of re.match holds; nothing when there is no match or no such group.
  std::optional<std::string> index_in(const std::string& module) const;

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const noexcept;
  };
  bool run(const std::string& module, unsigned options, std::string* index) const;

  std::string shown_;
  std::string place_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace routedk::experts
