/// One experiment: its settings, data, model and steps, loaded once.
///
/// Step outputs are in the store (store.h); the run folder links to them, so that the whole experiment can be
/// read in one place:
///   config.yaml       the effective settings, all paths absolute
///   versions.json     software versions             predict/  what predict needs (predict/run_kit.h)
///   steps/STEP        each step's folder in the store: step.json (settings, inputs, seconds, memory); for
///                     training metrics.jsonl, tensorboard/NAME and checkpoints/; for systems answers.jsonl
///   knowledge.jsonl   rules and thoughts            knowledge.json statistics of these
///   domain_rules.txt  the domain's rules, best first
///   teacher-SPLIT.jsonl, .json  the teacher's own answers
///   experts/NAME      PEFT folders                  router         router.safetensors, router_config.json
///   controls/NAME     trained controls of eval.systems: a PEFT folder, or experts/ and router/
///   answers/NAME.jsonl  each system's answers and each rule's choices
///   results.json      metrics                       results.txt, .md, .html  the same as a table
///   summary.txt       the same in brief
///   evaluations/NAME  the last three, for an evaluation with an `eval.name`
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session_encoder.h"
#include "routedk/bundle/split.h"
#include "routedk/experts/routed_model.h"
#include "routedk/parallel/world.h"
#include "routedk/workflow/experiment/experiment_config.h"
#include "routedk/workflow/experiment/graph.h"
#include "routedk/workflow/experiment/shard.h"
#include "routedk/workflow/experiment/store.h"
#include "routedk/workflow/experiment/task_data.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// A system's name as a file name. Characters other than letters, digits, `_`, `-` and dots become `_`; a
/// changed name gets a hash as suffix, so that different names stay different.
std::string file_word(const std::string& name);

/// This process's part in the work on an experiment.
struct Place {
  parallel::World world;  ///< processes that train together; only rank 0 writes
  Shard shard;            ///< of the sessions in distil and answer steps
};

class Experiment {
 public:
  /// Loads data, split, templates and tokenizer; writes nothing to disk. ConfigError if this build lacks the
  /// device in the settings, if a split leaves no session to a training, if `lora.rank` exceeds the model's
  /// hidden size, or if examples would be split by --shard; other errors pass through.
  explicit Experiment(ExperimentConfig config, Place place = {});

  const parallel::World& world() const noexcept { return place_.world; }
  const Shard& shard() const noexcept { return place_.shard; }

  const ExperimentConfig& config() const noexcept { return config_; }
  /// Whether it learns from bundle data; otherwise it uses `data.examples`, and the next three are empty.
  bool has_sessions() const noexcept { return config_.data.examples.empty(); }
  const bundle::Dataset& dataset() const noexcept { return dataset_; }
  const bundle::Split& split() const noexcept { return split_; }
  const bundle::PromptTemplates& templates() const noexcept { return templates_; }
  const bundle::SessionEncoder& encoder() const noexcept { return encoder_; }
  /// The examples of `data:`; empty for bundle data.
  const TaskData& task() const noexcept { return task_; }
  /// Whether there is something to evaluate: bundle data or held-out examples.
  bool evaluates() const noexcept { return has_sessions() || !task_.evaluated.empty(); }

  /// Whether prompts show categories although some items have none: exactly those that are never in a bundle.
  bool leaky_categories() const;

  /// Hashes of the contents of all inputs; for models, of blocks spread over the file.
  struct Contents {
    std::uint64_t data = 0;     ///< the files of the domains, or of training examples
    std::uint64_t test = 0;     ///< `data.test_examples`
    std::uint64_t prompts = 0;  ///< the templates; 0 for own examples
    std::uint64_t model = 0;
    std::uint64_t teacher = 0;  ///< a local teacher's model, if it has its own
    std::uint64_t chat = 0;     ///< the file of `model.chat`, if it is a file
  };
  const Contents& contents() const noexcept { return contents_; }

  /// A hash of the contents of `lora.init_adapter`, independent of its path; empty without one.
  const std::string& init_adapter() const noexcept { return init_adapter_; }
  /// The same for an expert of `adapters`.
  const std::string& adapter_contents(const std::string& expert) const { return adapters_.at(expert); }

  /// All steps that the settings define, inputs first.
  const std::vector<Step>& steps() const;
  /// One of them. Error if there is none.
  const Step& step(const StepId& id) const;
  /// Where a step's outputs are, or will be.
  std::filesystem::path step_folder(const StepId& id) const { return store_.folder_of(step(id)); }
  const Store& store() const noexcept { return store_; }

  /// Takes the step's lock; false if another process works on it. Also links the step in the run folder and
  /// writes config.yaml and versions.json.
  bool open_step(const StepId& id);
  /// Marks open steps, which ran together, as complete, each with its share of the time and the memory of
  /// all; releases their locks.
  void close_steps(const std::vector<StepId>& ids, double gpu_mib);
  /// Warns if an environment variable gives the run other data than its folder was made with.
  void warn_of_other_data() const;
  /// Writes config.yaml and versions.json to the run folder. An evaluation with a name has a config.yaml of
  /// its own, and leaves `eval` and `decode` in that of the run as they are.
  void record_settings() const;
  /// How the model is loaded.
  const model::LoadOptions& load_options() const noexcept { return load_options_; }
  /// Releases the lock of an incomplete step.
  void leave_step(const StepId& id) { open_.erase(id); }
  /// Links a step in the run folder, replacing an earlier link of that name. If that was to other settings,
  /// the links of all steps that rest on it are removed first, so that a run folder never shows results of
  /// other experts than it has. ConfigError if the folder was made without a store.
  void link_step(const StepId& id) const;
  /// The step of that name that the run folder links to, of whatever settings, complete or not; empty if
  /// there is none. FileError.
  std::optional<Step> linked_step(const StepId& id) const;
  /// Throws the ConfigError of link_step; changes nothing on disk.
  void check_links(const StepId& id) const;

  /// The backbone, loaded on first use and shared by all experiments of the process.
  std::shared_ptr<const model::Backbone> backbone();
  /// The backbone and all experts as one bank, frozen.
  experts::RoutedModel routed_model();

  /// The run folder.
  std::filesystem::path folder() const { return config_.run.dir; }
  std::filesystem::path domain_rules_file() const {
    return step_folder({StepKind::kDistil}) / "domain_rules.txt";
  }
  std::filesystem::path knowledge_file() const {
    return step_folder({StepKind::kDistil}) / "knowledge.jsonl";
  }
  std::filesystem::path expert_folder(const std::string& name) const {
    return step_folder({StepKind::kTrain, name}) / name;
  }
  /// The folders of all experts, in the bank's order.
  std::vector<std::filesystem::path> expert_folders() const;
  std::filesystem::path router_folder() const { return step_folder({StepKind::kRouter}) / "router"; }
  std::filesystem::path control_folder(const std::string& system) const {
    return step_folder({StepKind::kControls, system}) / "control";
  }
  /// A system's candidates.
  std::filesystem::path answers_file(const std::string& system) const {
    return step_folder({StepKind::kAnswer, system}) / "answers.jsonl";
  }
  std::filesystem::path verifier_folder(const std::string& system) const {
    return step_folder({StepKind::kAnswer, system}) / "verifier";
  }

 private:
  /// The step's link in the run folder's `steps`.
  std::string link_name(const StepId& id) const;
  /// Removes the links of steps that rest on another step of the name of `now`, and says so.
  void unlink_outdated(const Step& now) const;

  Place place_;
  ExperimentConfig config_;
  model::LoadOptions load_options_;
  bundle::Dataset dataset_;
  bundle::Split split_;
  bundle::PromptTemplates templates_;
  bundle::SessionEncoder encoder_;
  TaskData task_;
  struct OpenStep {
    std::unique_ptr<StepLock> lock;
    std::chrono::steady_clock::time_point begun;
  };

  Contents contents_;
  std::string init_adapter_;
  std::map<std::string, std::string> adapters_;  // by expert
  Store store_;
  mutable std::vector<Step> steps_;  // made on first use
  std::map<StepId, OpenStep> open_;
  std::shared_ptr<const model::Backbone> backbone_;
};

/// A hash of blocks spread over the model's file or files, as 16 hex digits. FileError.
std::string model_contents(const std::filesystem::path& model);

/// The run folder: the one given, else runs/<data folder>-<domain> or runs/<name of the examples' file>.
std::string run_folder(const ExperimentConfig& config);

/// The store: the one given, else `store` next to the run folder.
std::filesystem::path store_folder(const ExperimentConfig& config);

/// The folder of the evaluation's files in the run folder: evaluations/NAME, or the run folder itself.
std::filesystem::path evaluation_folder(const ExperimentConfig& config);

/// A path without trailing slashes.
std::string without_slash(std::string path);

/// ConfigError if `place` exists and is not a link: the run folder was made without a store.
void check_link(const std::filesystem::path& place);

/// Makes `place` a relative link to `target`, atomically if it replaces a link. Throws as check_link does.
void make_link(const std::filesystem::path& target, const std::filesystem::path& place);

}  // namespace routedk::workflow
