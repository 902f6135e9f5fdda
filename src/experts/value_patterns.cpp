#include "value_patterns.h"

#include "routedk/core/display.h"

#include <algorithm>

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::experts {
namespace {

constexpr std::size_t kMostNamed = 5;
constexpr std::size_t kMostShown = 60;  // bytes of a pattern

}  // namespace

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
  std::vector<std::string> unmatched;
  for (const Entry& entry : patterns_) {
    if (!entry.hit) {
      unmatched.push_back("`" + displayed(entry.text, kMostShown) + "`");
    } else if (!holds(*entry.value)) {
      field_.refuse_part(rule, entry.text + ": " + entry.value->dump());
    }
  }
  if (!unmatched.empty()) {
    const std::size_t named = std::min(unmatched.size(), kMostNamed);
    spdlog::warn("{}: {} of {} patterns match no adapted linear and are ignored: {}{}", field_.place(),
                 unmatched.size(), patterns_.size(),
                 fmt::join(unmatched.begin(), unmatched.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                 unmatched.size() > named ? ", ..." : "");
  }
}

}  // namespace routedk::experts
