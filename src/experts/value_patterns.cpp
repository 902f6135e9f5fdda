#include "value_patterns.h"

#include <utility>

namespace routedk::experts {

ValuePatterns::ValuePatterns(const JsonFields& fields, std::string key, std::size_t limit)
    : fields_(fields), key_(std::move(key)) {
  const io::Json& value = fields[key_];
  if (value.is_null()) {
    return;
  }
  fields.require(value.is_object() && value.size() <= limit, key_,
                 "an object of patterns, no more than the model has linears");
  for (const auto& [pattern, number] : value.items()) {
    patterns_.push_back(
        {ModulePattern("(.*\\.)?(" + pattern + ")$", pattern, fields.place(key_)), pattern, &number, false});
  }
}

const io::Json* ValuePatterns::find(const std::string& module) {
  const io::Json* first = nullptr;
  for (Entry& entry : patterns_) {
    if ((first == nullptr || !entry.hit) && entry.pattern.matches_start(module)) {
      entry.hit = true;
      first = first == nullptr ? entry.value : first;
    }
  }
  return first;
}

void ValuePatterns::check(const std::function<bool(const io::Json&)>& holds, const std::string& rule) const {
  for (const Entry& entry : patterns_) {
    fields_.require_of(holds(*entry.value), key_, rule, entry.text + ": " + short_text(*entry.value));
    fields_.require_of(entry.hit, key_, "patterns that each match an adapted linear", entry.text);
  }
}

}  // namespace routedk::experts
