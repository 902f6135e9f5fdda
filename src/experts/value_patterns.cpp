#include "value_patterns.h"

namespace routedk::experts {

ValuePatterns::ValuePatterns(const io::JsonField& field, std::size_t limit) : field_(field) {
  if (field.absent()) {
    return;
  }
  field.require(field.value().is_object() && field.value().size() <= limit,
                "be an object of patterns, no more than the model has linears");
  for (const auto& [pattern, number] : field.value().items()) {
    patterns_.push_back(
        {ModulePattern("(.*\\.)?(" + pattern + ")$", pattern, field.place()), pattern, &number, false});
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
    if (!holds(*entry.value)) {
      field_.refuse_part(rule, entry.text + ": " + entry.value->dump());
    }
    if (!entry.hit) {
      field_.refuse_part("have patterns that each match an adapted linear", entry.text);
    }
  }
}

}  // namespace routedk::experts
