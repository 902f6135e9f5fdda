/// `rank_pattern` and `alpha_pattern` of an adapter's configuration, by the rules of PEFT 0.21.
#pragma once

#include "routedk/io/json_field.h"

#include <functional>
#include <string>
#include <vector>

#include "module_pattern.h"

namespace routedk::experts {

/// Patterns in the file's order, each with a value. A pattern matches a module if it equals the name, or its
/// end after a dot.
class ValuePatterns {
 public:
  /// FileError unless the field is absent or an object with at most `limit` patterns.
  ValuePatterns(const io::JsonField& field, std::size_t limit);

  /// The value of the first pattern that matches; nullptr if none does.
  const io::Json* find(const std::string& module);

  /// FileError if the value of a matched pattern breaks the rule. Patterns that matched no module are ignored
  /// with a warning, as in PEFT.
  void check(const std::function<bool(const io::Json&)>& holds, const std::string& rule) const;

 private:
  struct Entry {
    ModulePattern pattern;
    std::string text;
    const io::Json* value;
    bool hit;
  };
  io::JsonField field_;
  std::vector<Entry> patterns_;
};

}  // namespace routedk::experts
