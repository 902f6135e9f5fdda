#include "routedk/workflow/experiment/step.h"

#include "routedk/core/sha256.h"

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// The names whose values differ or that only one map has: those of `now` first.
std::vector<std::string> changed_names(const Settings& before, const Settings& now) {
  std::vector<std::string> names;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != value) {
      names.push_back(name);
    }
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) {
      names.push_back(name);
    }
  }
  return names;
}

/// What is shown for a setting that, given the others, changes no number, so that a step does not have it.
constexpr const char* kUnused = "unused";

std::string value_in(const Settings& texts, const std::string& name) {
  const auto found = texts.find(name);
  return found == texts.end() ? kUnused : found->second;
}

/// Contents of files are known by their hashes, which say nothing to a reader: where the files are does.
std::string change_of(const std::string& name, const Step& before, const Step& now) {
  if (!name.ends_with("contents")) {
    return fmt::format("{}: {} -> {}", name, value_in(before.settings, name), value_in(now.settings, name));
  }
  const auto old_place = before.places.find(name);
  const auto place = now.places.find(name);
  if (old_place == before.places.end() || place == now.places.end()) {
    return fmt::format("{}: changed", name);
  }
  return old_place->second == place->second
             ? fmt::format("{}: changed ({})", name, place->second)
             : fmt::format("{}: changed ({} -> {})", name, old_place->second, place->second);
}

/// Inputs are told apart by keys, which say nothing to a reader.
const char* change_of_input(const Settings& before, const Settings& now, const std::string& name) {
  if (!before.contains(name)) {
    return "added";
  }
  return now.contains(name) ? "changed" : "removed";
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
  for (const std::string& name : changed_names(before.settings, now.settings)) {
    lines.push_back(change_of(name, before, now));
  }
  for (const std::string& name : changed_names(before.input_keys, now.input_keys)) {
    lines.push_back(fmt::format("{}: {}", name, change_of_input(before.input_keys, now.input_keys, name)));
  }
  return lines;
}

}  // namespace routedk::workflow
