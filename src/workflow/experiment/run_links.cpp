#include "run_links.h"

#include "routedk/core/files.h"
#include "routedk/core/named_enum.h"
#include "routedk/workflow/experiment/store.h"

#include <algorithm>
#include <optional>
#include <system_error>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

/// A step in a store, by the name of its kind and its key; empty if it was never begun.
std::optional<Step> stored_step(const Store& store, const std::string& kind, const std::string& key) {
  const auto known = find_enum<StepKind>(kind);
  const auto record = known ? store.record({{*known}, {}, {}, {}, key}) : std::nullopt;
  return record ? std::optional(step_of(*record)) : std::nullopt;
}

/// Whether a step of the store reads, itself or through its inputs, another step of the name of `now`.
bool rests_on_other(const Store& store, const Step& step, const Step& now) {
  return std::any_of(step.input_keys.begin(), step.input_keys.end(), [&](const auto& input) {
    const std::string& name = input.first;
    if (name == to_string(now.id)) {
      return input.second != now.key;
    }
    const auto before = stored_step(store, name.substr(0, name.find('-')), input.second);
    return before && rests_on_other(store, *before, now);
  });
}

}  // namespace

std::string linked_key(const fs::path& link) {
  std::error_code none;
  return fs::read_symlink(link, none).filename().string();
}

std::map<std::string, StepId> outdated_links(const fs::path& steps, const Step& now) {
  std::map<std::string, StepId> outdated;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(steps, none)) {
    const fs::path target = fs::canonical(entry.path(), none);
    if (target.empty() || !entry.is_symlink() || is_temporary_name(entry.path())) {
      continue;
    }
    const fs::path kind = target.parent_path();
    const Store store(kind.parent_path());
    const auto step = stored_step(store, kind.filename().string(), target.filename().string());
    if (step && rests_on_other(store, *step, now)) {
      outdated.emplace(entry.path().filename().string(), step->id);
    }
  }
  return outdated;
}

void remove_link(const fs::path& place) {
  if (fs::is_symlink(fs::symlink_status(place))) {
    fs::remove(place);
  }
}

}  // namespace routedk::workflow
