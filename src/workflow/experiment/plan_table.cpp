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

constexpr std::size_t kLineWidth = 100;

struct State {
  std::string word;  ///< cached, under way, begun or to do
  std::string
      details;  ///< who does it, "process 7 on host", or what changed since the last step of that name
};

State state_of(const Experiment& experiment, const Step& step, const Records& alike, bool again) {
  const Store& store = experiment.store();
  if (store.done(step)) {
    return {again ? "to do again (--from)" : "cached", ""};
  }
  if (const std::string holder = store.holder(step); !holder.empty()) {
    return {"under way", holder};
  }
  return {fs::exists(store.folder_of(step)) ? "begun" : "to do", what_changed(experiment, step, alike)};
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

/// A line for each step, its details below it, and the sums.
class PlanTable {
 public:
  explicit PlanTable(const RunOptions& options) : from_(options.from) {
    add_line("step", "key", "time", "memory", "state");
  }

  void begin(const Experiment& experiment) { text_ += experiment.folder().string() + '\n'; }

  void add(const Experiment& experiment, const Step& step) {
    const std::string name = "  " + to_string(step.id);
    if (!known_.insert(step.key).second) {
      add_line(name, step.key, "", "", "as above");
      return;
    }
    const Records& alike = records_of(experiment.store(), step.id.kind);
    const bool is_done = alike.contains(step.key);
    const bool again = from_ && step.id.kind >= *from_;
    const Cost cost = is_done ? measured(alike.at(step.key)) : guess(experiment, step, alike);
    if (!is_done || again) {
      count_to_do(cost);
    }
    const State state = state_of(experiment, step, alike, again);
    add_line(name, step.key, cost.seconds ? format_duration(*cost.seconds) : "?",
             number_or_unknown(cost.memory_mib, "MiB"), state.word);
    text_ += state.details.empty() ? "" : wrapped(state.details, kLineWidth, 4) + '\n';
  }

  void add_comparison(const Store& store, const Step& step) {
    const bool cached = store.done(step) && !from_;
    to_do_ += cached ? 0 : 1;
    known_.insert(step.key);
    add_line(to_string(step.id), step.key, "", "", cached ? "cached" : "to do");
  }

  std::string text() const {
    const std::string of_unknown =
        unknown_ > 0 ? fmt::format("{} of unknown time", counted(unknown_, "step")) : "";
    const std::string time = seconds_ > 0.0 || of_unknown.empty() ? format_duration(seconds_) : "";
    return text_ + fmt::format("{}, {} to do: {}{}{}\n",
                               counted(static_cast<std::int64_t>(known_.size()), "step"), to_do_, time,
                               time.empty() || of_unknown.empty() ? "" : " and ", of_unknown);
  }

 private:
  void add_line(const std::string& name, const std::string& key, const std::string& time,
                const std::string& memory, const std::string& state) {
    text_ += fmt::format("{:<40} {:<16} {:>9} {:>10}  {}\n", name, key, time, memory, state);
  }

  /// Of all steps of a kind in a store, read once.
  const Records& records_of(const Store& store, StepKind kind) {
    const auto [place, fresh] = read_.try_emplace({store.path(), kind});
    if (fresh) {
      place->second = store.whole(kind);
    }
    return place->second;
  }

  void count_to_do(const Cost& cost) {
    ++to_do_;
    seconds_ += cost.seconds.value_or(0.0);
    unknown_ += cost.seconds ? 0 : 1;
  }

  std::optional<StepKind> from_;
  std::map<std::pair<fs::path, StepKind>, Records> read_;
  std::set<std::string> known_;
  double seconds_ = 0.0;
  int unknown_ = 0;
  int to_do_ = 0;
  std::string text_;
};

}  // namespace

std::string plan_table(std::span<const std::unique_ptr<Experiment>> experiments, const RunOptions& options,
                       std::span<const Step> comparisons) {
  const std::string only = options.only.empty() ? "" : only_step(experiments, options.only);
  PlanTable table(options);
  for (const auto& experiment : experiments) {
    table.begin(*experiment);
    for (const Step* step : needed_steps(experiment->steps())) {
      if (only.empty() || to_string(step->id) == only) {
        table.add(*experiment, *step);
      }
    }
  }
  for (const Step& step : comparisons) {
    table.add_comparison(experiments.front()->store(), step);
  }
  return table.text();
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
