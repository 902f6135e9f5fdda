/// The links of a run folder: `steps/NAME`, and the places of outputs that lead through them.
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run_links.h"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

constexpr const char* kSteps = "steps";              // in a run folder
constexpr const char* kEvaluations = "evaluations";  // of those with a name

/// The paths in the run folder that link to a step's outputs, and their names in the step's own folder.
/// `evaluation` is the folder of its files.
std::vector<std::pair<std::string, std::string>> places_of(const StepId& id,
                                                           const std::filesystem::path& evaluation) {
  switch (id.kind) {
    case StepKind::kDistil:
      return {{"knowledge.jsonl", "knowledge.jsonl"},
              {"knowledge.json", "knowledge.json"},
              {"domain_rules.txt", "domain_rules.txt"}};
    case StepKind::kTeacher:
      return {{fmt::format("teacher-{}.jsonl", id.name), "answers.jsonl"},
              {fmt::format("teacher-{}.json", id.name), "metrics.json"}};
    case StepKind::kTrain:
      return {{"experts/" + id.name, id.name}};
    case StepKind::kRouter:
      return {{"router", "router"}};
    case StepKind::kControls:
      return {{"controls/" + id.name, "control"}};
    case StepKind::kConflict:
      return {{"conflict.json", "conflict.json"}};
    case StepKind::kProbe:
      return {{"probe.json", "probe.json"}};
    case StepKind::kAnswer:
    case StepKind::kCompare:
      return {};
    case StepKind::kEvaluate: {
      std::vector<std::pair<std::string, std::string>> places;
      for (const char* name :
           {"answers", "results.json", "results.txt", "results.md", "results.html", "summary.txt"}) {
        places.emplace_back((evaluation / name).string(), name);
      }
      return places;
    }
  }
  throw_<Error>("a step must be of a kind that is known, but is number {}", static_cast<int>(id.kind));
}

/// Says where the evaluation `before` stays, which the run folder shows no longer: `link` leads to `now`
/// next.
void log_replaced(const std::filesystem::path& link, Step before, const Step& now) {
  before.input_keys = now.input_keys;  // keys say nothing to a reader
  const std::vector<std::string> changed = differences(before, now);
  spdlog::info("{} now leads to another evaluation ({}); the earlier one stays in {}; `eval.name` shows both",
               link.string(),
               changed.empty() ? "of other answers" : fmt::format("{}", fmt::join(changed, ", ")),
               std::filesystem::weakly_canonical(link).string());
}

/// The folder in the run folder of the evaluation with this link in `steps`.
std::filesystem::path evaluation_of_link(const std::string& link) {
  const std::string before_name = fmt::format("{}-", StepKind::kEvaluate);
  return link.starts_with(before_name) ? std::filesystem::path(kEvaluations) / link.substr(before_name.size())
                                       : std::filesystem::path();
}

}  // namespace

void check_link(const std::filesystem::path& place) {
  namespace fs = std::filesystem;
  const fs::path at = fs::weakly_canonical(place.parent_path()) / place.filename();
  if (fs::exists(fs::symlink_status(at)) && !fs::is_symlink(at)) {
    throw_<ConfigError>(
        "a run folder must hold its steps as links, but {} is not a link: an earlier version made it; give "
        "another run.dir",
        at.string());
  }
}

void make_link(const std::filesystem::path& target, const std::filesystem::path& place) {
  namespace fs = std::filesystem;
  check_link(place);
  fs::create_directories(place.parent_path());
  const fs::path at = fs::weakly_canonical(place.parent_path()) / place.filename();
  const fs::path to = fs::weakly_canonical(target.parent_path()) / target.filename();
  const fs::path made = temporary_name(at);
  fs::create_symlink(to.lexically_relative(at.parent_path()), made);
  fs::rename(made, at);
}

std::filesystem::path evaluation_folder(const ExperimentConfig& config) {
  return config.eval.name.empty() ? std::filesystem::path()
                                  : std::filesystem::path(kEvaluations) / config.eval.name;
}

std::string Experiment::link_name(const StepId& id) const {
  const std::string& own = id.kind == StepKind::kEvaluate ? config_.eval.name : id.name;
  return own.empty() ? to_string(id) : fmt::format("{}-{}", id.kind, file_word(own));
}

void Experiment::link_step(const StepId& id) const {
  const std::filesystem::path link = folder() / kSteps / link_name(id);
  if (linked_key(link) != step(id).key) {
    if (const auto before = linked_step(id); before && id.kind == StepKind::kEvaluate) {
      log_replaced(link, *before, step(id));
    }
    check_links(id);
    unlink_outdated(step(id));
  }
  make_link(step_folder(id), link);
  for (const auto& [place, inside] : places_of(id, evaluation_folder(config_))) {
    make_link(link / inside, folder() / place);
  }
}

void Experiment::unlink_outdated(const Step& now) const {
  const bool answers = now.id.kind == StepKind::kAnswer || now.id.kind == StepKind::kTeacher;
  std::vector<std::string> removed;
  for (const auto& [name, id] : outdated_links(folder() / kSteps, now)) {
    if (answers && id.kind == StepKind::kEvaluate && name != link_name(id)) {
      continue;  // an evaluation of another name may have answers of its own
    }
    const std::filesystem::path link = folder() / kSteps / name;
    removed.push_back(fmt::format("{} ({})", name, std::filesystem::weakly_canonical(link).string()));
    for (const auto& [place, inside] : places_of(id, evaluation_of_link(name))) {
      remove_link(folder() / place);
    }
    remove_link(link);
  }
  if (!removed.empty()) {
    spdlog::info("{} has other settings now; what rests on it is no longer in {}, but kept in the store: {}",
                 to_string(now.id), folder().string(), fmt::join(removed, ", "));
  }
}

std::optional<Step> Experiment::linked_step(const StepId& id) const {
  const std::filesystem::path link = folder() / kSteps / link_name(id);
  const auto record =
      std::filesystem::exists(link) ? record_in(std::filesystem::canonical(link)) : std::nullopt;
  return record ? std::optional(step_of(*record)) : std::nullopt;
}

void Experiment::check_links(const StepId& id) const {
  check_link(folder() / kSteps / link_name(id));
  for (const auto& [place, inside] : places_of(id, evaluation_folder(config_))) {
    check_link(folder() / place);
  }
}

}  // namespace routedk::workflow
