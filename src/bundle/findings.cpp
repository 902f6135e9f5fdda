#include "routedk/bundle/findings.h"

#include "routedk/core/display.h"

#include <fmt/format.h>

namespace routedk::bundle {
namespace {

constexpr std::size_t kLongestFinding = 1000;  // bytes

template <typename Map>
std::int64_t count_in(const Map& counts, const typename Map::key_type& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::string place(const Finding& finding) {
  return finding.line > 0 ? fmt::format("{}:{}", finding.file.string(), finding.line) : finding.file.string();
}

}  // namespace

void Findings::add(Finding finding) {
  finding.message = displayed(finding.message, kLongestFinding);
  ++severities_[finding.severity];
  ++rules_[finding.rule];
  if (++places_[{finding.rule, finding.file}] <= kKept) {
    kept_.push_back(std::move(finding));
  }
}

void Findings::add(const Findings& others) {
  kept_.insert(kept_.end(), others.kept_.begin(), others.kept_.end());
  for (const auto& [severity, count] : others.severities_) {
    severities_[severity] += count;
  }
  for (const auto& [rule, count] : others.rules_) {
    rules_[rule] += count;
  }
  for (const auto& [where, count] : others.places_) {
    places_[where] += count;
  }
}

std::int64_t Findings::count(Severity severity) const {
  return count_in(severities_, severity);
}

std::int64_t Findings::count(const std::string& rule) const {
  return count_in(rules_, rule);
}

io::Json Findings::to_json() const {
  io::Json rules = io::Json::object();
  for (const auto& [rule, count] : rules_) {
    rules[rule] = count;
  }
  io::Json findings = io::Json::array();
  for (const Finding& each : kept_) {
    findings.push_back({{"severity", name_of(each.severity)},
                        {"rule", each.rule},
                        {"file", each.file.string()},
                        {"line", each.line > 0 ? io::Json(each.line) : io::Json(nullptr)},
                        {"message", each.message}});
  }
  return {{"errors", count(Severity::kError)},
          {"leaks", count(Severity::kLeak)},
          {"warnings", count(Severity::kWarning)},
          {"rules", rules},
          {"findings", findings}};
}

std::string Findings::to_text() const {
  std::string text;
  for (const Finding& each : kept_) {
    text += fmt::format("{}: {}: {} [{}]\n", place(each), each.severity, each.message, each.rule);
  }
  for (const auto& [where, count] : places_) {
    if (count > kKept) {
      text += fmt::format("{}: ... and {} more [{}]\n", where.second.string(), count - kKept, where.first);
    }
  }
  return text + fmt::format("{}, {}, {}\n", counted(count(Severity::kError), "error"),
                            counted(count(Severity::kLeak), "leak"),
                            counted(count(Severity::kWarning), "warning"));
}

}  // namespace routedk::bundle
