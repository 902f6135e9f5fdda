#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// What of a training's settings changes its numbers.
template <typename Settings>
std::string learning_settings(Settings config) {
  config.reset_habits();
  return dump_config(config);
}

/// What a step depends on: data, prompts, its own settings and those of the steps before it. What only says
/// how to resume or how fast to compute is left out.
std::string settings_of(const Experiment& experiment, const std::string& step) {
  const ExperimentConfig& c = experiment.config();
  DataConfig data = c.data;
  data.dir =
      experiment.has_sessions() ? std::filesystem::weakly_canonical(data_folder(c.data.dir)).string() : "";
  std::string settings = dump_config(data) + dump_config(c.split) + dump_config(c.thoughts) +
                         dump_config(text_settings(c.teacher)) + fmt::format("{:016x}", experiment.inputs());
  if (step == "distil") {
    return settings;
  }
  LoraConfig lora = c.lora;
  lora.init_adapter = experiment.init_adapter();
  settings += dump_config(c.prompt) + dump_config(c.model) + dump_config(c.knowledge) +
              dump_config(c.augment) + dump_config(lora) + learning_settings(c.train);
  if (c.router.data == RouterData::kHoldout) {
    settings += fmt::format("holdout {}", c.router.holdout);
  }
  if (step.starts_with("train-")) {
    return settings;
  }
  settings += fmt::format("{}", fmt::join(c.experts, ",")) + learning_settings(c.router);
  if (step == "router" || step.starts_with("controls-")) {
    return settings;
  }
  return settings + dump_config(c.decode) + dump_config(c.eval) +
         fmt::format("{:016x}", hash_outside_systems(c.eval.systems));
}

std::string fingerprint(const Experiment& experiment, const std::string& step) {
  return fmt::format("{:016x}", hash64(settings_of(experiment, step)));
}

/// All that there are, whether or not the evaluation asks for them.
const std::vector<std::string>& control_names() {
  static const std::vector<std::string> kNames = {"random_experts", "one_lora_on_router_data"};
  return kNames;
}

/// The step's marks: training is done expert by expert, control by control.
std::vector<std::string> marks(const Experiment& experiment, const std::string& step,
                               const std::vector<std::string>& controls) {
  if (step != "train" && step != "controls") {
    return {step};
  }
  std::vector<std::string> all;
  for (const std::string& name : step == "train" ? experiment.config().experts : controls) {
    all.push_back(fmt::format("{}-{}", step, name));
  }
  return all;
}

/// Keeps the lines of a file of records whose member `key` is not `value`.
void remove_records(const std::filesystem::path& file, const char* key, const std::string& value) {
  if (!std::filesystem::exists(file)) {
    return;
  }
  const io::JsonlWriter cuts_a_torn_last_line(file);
  std::string kept;
  io::read_jsonl(file, [&](const io::Json& record, std::int64_t) {
    if (!record.contains(key) || record[key] != value) {
      kept += record.dump() + "\n";
    }
  });
  write_file_atomic(file, kept);
}

/// A training's checkpoints and records.
void remove_job(const std::filesystem::path& folder, const std::string& name) {
  std::filesystem::remove_all(folder / "checkpoints" / name);
  for (const std::string& job : {name, name + "_expected_utility"}) {
    std::filesystem::remove_all(folder / "tensorboard" / job);
    remove_records(folder / "metrics.jsonl", "job", job);
  }
}

void remove_outputs(const Experiment& experiment, const std::string& step) {
  const std::filesystem::path folder = experiment.folder();
  remove_records(folder / "timings.jsonl", "step", step);
  if (step == "distil") {  // knowledge.jsonl stays: each record says what it was written from
    std::filesystem::remove(folder / "knowledge.json");
    std::filesystem::remove(folder / "domain_rules.txt");
  } else if (step == "train") {
    std::filesystem::remove_all(folder / "experts");
    std::filesystem::remove_all(folder / "checkpoints");
    std::filesystem::remove_all(folder / "tensorboard");
    std::filesystem::remove(folder / "metrics.jsonl");
    std::filesystem::remove(folder / "inputs.json");
  } else if (step == "router") {
    std::filesystem::remove_all(folder / "router");
    remove_job(folder, "router");
  } else if (step == "controls") {
    std::filesystem::remove_all(folder / "controls");
    for (const std::string& control : control_names()) {
      remove_job(folder, control);
    }
  } else {
    std::filesystem::remove_all(folder / "answers");
    std::filesystem::remove_all(folder / "verifiers");
    for (const char* name : {"results.json", "summary.txt", "results.txt", "results.md", "results.html"}) {
      std::filesystem::remove(folder / name);
    }
  }
}

}  // namespace

const std::vector<std::string>& step_names() {
  static const std::vector<std::string> names = {"distil", "train", "router", "controls", "evaluate"};
  return names;
}

bool begin_step(Experiment& experiment, const std::string& step) {
  RunFolder& run = experiment.run();
  const std::string begun = "begun-" + step;
  const std::string now = fingerprint(experiment, step);
  if (run.done(begun) && run.fingerprint(begun) != now) {
    throw_<ConfigError>(
        "step `{}` must go on under the settings and data it was begun with, but they have changed since "
        "({}); redo it with --redo or routedk-run --from {}, or give another run.dir",
        step, (run.path() / "steps.txt").string(), step.substr(0, step.find('-')));
  }
  if (run.done(step)) {
    spdlog::info("{}: done", step);
    return false;
  }
  experiment.record_settings();
  run.mark_done(begun, now);
  return true;
}

bool is_done(Experiment& experiment, const std::string& step) {
  if (!std::filesystem::exists(experiment.folder())) {
    return false;
  }
  const std::vector<std::string> all = marks(experiment, step, trained_controls(experiment.config()));
  return std::all_of(all.begin(), all.end(), [&](const std::string& mark) {
    return experiment.run().done(mark) && experiment.run().fingerprint(mark) == fingerprint(experiment, mark);
  });
}

void require_done(Experiment& experiment, const std::string& step, const std::string& program) {
  if (!is_done(experiment, step)) {
    throw_<ConfigError>("step `{}` must be done under the present settings first, but is not ({}); run {}",
                        step, (experiment.folder() / "steps.txt").string(), program);
  }
}

void require_sessions(const Experiment& experiment, const std::string& step) {
  if (!experiment.has_sessions()) {
    throw_<ConfigError>(
        "`data.examples` must be empty for step `{}`, which works on bundle data, but is {} instead", step,
        experiment.config().data.examples);
  }
}

void mark_done(Experiment& experiment, const std::vector<std::string>& steps) {
  std::vector<RunFolder::Step> marks;
  marks.reserve(steps.size());
  for (const std::string& step : steps) {
    marks.emplace_back(step, fingerprint(experiment, step));
  }
  experiment.run().mark_done(marks);
}

void forget_from(Experiment& experiment, const std::string& step) {
  const auto& names = step_names();
  const auto first = std::find(names.begin(), names.end(), step);
  if (first == names.end()) {
    throw_<ConfigError>("--from must be one of {}, but is `{}` instead", fmt::join(names, ", "), step);
  }
  std::vector<std::string> forgotten;
  for (auto name = first; name != names.end(); ++name) {
    for (const std::string& mark : marks(experiment, *name, control_names())) {
      forgotten.push_back(mark);
      forgotten.push_back("begun-" + mark);
    }
  }
  experiment.run().forget(forgotten);
  for (auto name = names.end(); name != first; --name) {
    remove_outputs(experiment, *(name - 1));
  }
}

}  // namespace routedk::workflow
