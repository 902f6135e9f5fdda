#include "routedk/workflow/experiment/step.h"

#include "routedk/core/sha256.h"

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// "train.epochs: 1 -> 3". Contents of files are known by their hashes, which say nothing to a reader.
std::string change_of(const std::string& name, const std::string& before, const std::string& now) {
  return name.ends_with("contents") ? fmt::format("{}: changed", name)
                                    : fmt::format("{}: {} -> {}", name, before, now);
}

/// Adds a line for each entry that differs or is in only one map; `blank` stands for a missing value.
void compare_entries(const std::map<std::string, std::string>& before,
                     const std::map<std::string, std::string>& now, std::vector<std::string>& lines) {
  static const std::string kBlank = "-";
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != value) {
      lines.push_back(change_of(name, old == before.end() ? kBlank : old->second, value));
    }
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) {
      lines.push_back(change_of(name, value, kBlank));
    }
  }
}

}  // namespace

std::string step_of_program(const std::string& word) {
  static const std::map<std::string, StepKind> kPrograms{
      {"distill", StepKind::kDistil}, {"train-router", StepKind::kRouter}, {"eval", StepKind::kEvaluate}};
  const auto found = kPrograms.find(word);
  return found == kPrograms.end() ? word : std::string(name_of(found->second));
}

std::string to_string(const StepId& id) {
  return id.name.empty() ? std::string(name_of(id.kind)) : fmt::format("{}-{}", name_of(id.kind), id.name);
}

std::string key_of(const Step& step) {
  constexpr std::size_t kDigits = 16;
  std::string text = fmt::format("{}\n", to_string(step.id));
  for (const auto& [name, value] : step.settings) {
    text += fmt::format("{}={}\n", name, value);
  }
  for (const StepId& input : step.inputs) {
    text += fmt::format("<{}\n", step.input_keys.at(to_string(input)));
  }
  return sha256_hex(text).substr(0, kDigits);
}

std::vector<std::string> differences(const Step& before, const Step& now) {
  std::vector<std::string> lines;
  compare_entries(before.settings, now.settings, lines);
  compare_entries(before.input_keys, now.input_keys, lines);
  return lines;
}

}  // namespace routedk::workflow
