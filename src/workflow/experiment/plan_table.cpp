#include "routedk/core/display.h"
#include "routedk/core/progress.h"
#include "routedk/workflow/experiment/cost.h"
#include "routedk/workflow/experiment/run.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

/// "cached", "under way (process 7 on host)", or "to do" with what changed since the last step of that name.
std::string state_of(const Experiment& experiment, const Step& step, const Records& records, bool again) {
  const Store& store = experiment.store();
  if (store.done(step)) {
    return again ? "to do again (--from)" : "cached";
  }
  if (const std::string holder = store.holder(step); !holder.empty()) {
    return fmt::format("under way ({})", holder);
  }
  const std::string changed = what_changed(experiment, step, records);
  return fmt::format("{}{}{}", fs::exists(store.folder_of(step)) ? "begun" : "to do",
                     changed.empty() ? "" : "; ", changed);
}

std::string number_or_unknown(const std::optional<double>& value, const char* unit) {
  return value ? fmt::format("{:.0f} {}", *value, unit) : "?";
}

std::uintmax_t bytes_in(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  }
  return bytes;
}

}  // namespace

std::string plan_table(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options,
                       std::span<const Step> comparisons) {
  const std::string only = options.only.empty() ? "" : only_step(experiments, options.only);
  std::string text =
      fmt::format("{:<40} {:<16} {:>9} {:>10}  {}\n", "step", "key", "time", "memory", "state");
  std::map<std::pair<fs::path, StepKind>, Records> read;  // once for all steps of a kind
  const auto records_of = [&](const Store& store, StepKind kind) -> const Records& {
    const auto [place, fresh] = read.try_emplace({store.path(), kind});
    if (fresh) {
      place->second = store.whole(kind);
    }
    return place->second;
  };
  std::set<std::string> known;
  double seconds = 0.0;
  int unknown = 0;
  int to_do = 0;
  for (const auto& experiment : experiments) {
    text += fmt::format("{}\n", experiment->folder().string());
    for (const Step* step : needed_steps(experiment->steps())) {
      if (!only.empty() && to_string(step->id) != only) {
        continue;
      }
      if (!known.insert(step->key).second) {
        text += fmt::format("  {:<38} {}                        as above\n", to_string(step->id), step->key);
        continue;
      }
      const Records& alike = records_of(experiment->store(), step->id.kind);
      const bool known_cost = alike.contains(step->key);
      const bool again = options.from && step->id.kind >= *options.from;
      const Cost cost = known_cost ? measured(alike.at(step->key)) : guess(*experiment, *step, alike);
      if (!known_cost || again) {
        ++to_do;
        seconds += cost.seconds.value_or(0.0);
        unknown += cost.seconds ? 0 : 1;
      }
      text +=
          fmt::format("  {:<38} {} {:>9} {:>10}  {}\n", to_string(step->id), step->key,
                      cost.seconds ? format_duration(*cost.seconds) : "?",
                      number_or_unknown(cost.memory_mib, "MiB"), state_of(*experiment, *step, alike, again));
    }
  }
  for (const Step& step : comparisons) {
    const Experiment& any = *experiments.front();
    const bool cached = any.store().done(step) && !options.from;
    to_do += cached ? 0 : 1;
    known.insert(step.key);
    text += fmt::format("{:<40} {}                        {}\n", to_string(step.id), step.key,
                        cached ? "cached" : "to do");
  }
  const std::string of_unknown =
      unknown > 0 ? fmt::format("{} of unknown time", counted(unknown, "step")) : "";
  const std::string known_time = seconds > 0.0 || of_unknown.empty() ? format_duration(seconds) : "";
  text += fmt::format("{}, {} to do: {}{}{}\n", counted(static_cast<std::int64_t>(known.size()), "step"),
                      to_do, known_time, known_time.empty() || of_unknown.empty() ? "" : " and ", of_unknown);
  return text;
}

std::string unreferenced(std::span<const std::unique_ptr<Experiment>> experiments,
                         const std::vector<Step>& others) {
  std::set<fs::path> referenced;
  std::set<fs::path> stores;
  for (const auto& experiment : experiments) {
    stores.insert(experiment->store().path());
    for (const Step& step : experiment->steps()) {
      referenced.insert(experiment->store().folder_of(step));
    }
    for (const Step& step : others) {
      referenced.insert(experiment->store().folder_of(step));
    }
  }
  std::string text;
  std::uintmax_t sum = 0;
  for (const fs::path& path : stores) {
    const Store store(path);
    for (const auto& [kind, name] : enum_names(StepKind{})) {
      for (const std::string& key : store.keys(kind)) {
        if (const fs::path folder = store.folder_of(kind, key); !referenced.contains(folder)) {
          const std::uintmax_t bytes = bytes_in(folder);
          text += fmt::format("{:>8.1f} MiB  {}\n", static_cast<double>(bytes) / (1 << 20), folder.string());
          sum += bytes;
        }
      }
    }
  }
  return text + fmt::format("{:>8.1f} MiB  that none of these experiments uses\n",
                            static_cast<double>(sum) / (1 << 20));
}

}  // namespace routedk::workflow
