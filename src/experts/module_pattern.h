/// Regular expressions in an adapter's configuration, with the syntax of Python's `re`.
#pragma once

#include <memory>
#include <optional>
#include <string>

struct pcre2_real_code_8;

namespace routedk::experts {

/// PCRE2 supports what Python's `re` does (std::regex has no look-behind or named groups, and overflows the
/// stack on long repetitions) and stops a match that backtracks endlessly. Patterns come from outside: at
/// most 1,000 characters, and 20,000 steps and 4 MiB per match.
class ModulePattern {
 public:
  /// `expression` is compiled; `shown` is its form in errors of the file `place`. FileError if it is too long
  /// or not a regular expression.
  ModulePattern(const std::string& expression, const std::string& shown, std::string place);

  /// Python's re.fullmatch. FileError if the match takes too many steps.
  bool matches_all(const std::string& module) const;
  /// Python's re.match: from the beginning, not necessarily to the end.
  bool matches_start(const std::string& module) const;
  /// The text of the group `idx` of re.match; empty if there is no match or no such group.
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
