/// One experiment at work: its settings, data, model and steps, loaded once.
///
/// What its steps made lies in the store (store.h); the run folder names it by links, so that one experiment
/// can be read in one place:
///   config.yaml       the effective settings, all paths absolute
///   versions.json     what computed them            predict/  what it answers with (predict/run_kit.h)
///   steps/STEP        each step's folder in the store: step.json (settings, inputs, seconds, memory), of
///                     trainings metrics.jsonl, tensorboard/NAME and checkpoints/, of systems answers.jsonl
///   knowledge.jsonl   rules and thoughts            knowledge.json what the teacher wrote, in figures
///   domain_rules.txt  the domain's rules, best first
///   teacher-SPLIT.jsonl, .json  the teacher's own answers
///   experts/NAME      PEFT folders                  router         router.safetensors, router_config.json
///   controls/NAME     what eval.systems' controls trained: a PEFT folder, or experts/ and router/
///   answers/NAME.jsonl  what each system answered and what each rule chose
///   results.json      figures                       results.txt, .md, .html  the same as a table
///   summary.txt       the same at a glance
///   evaluations/NAME  the last three of an evaluation with an `eval.name`
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
#include <string>
#include <vector>

namespace routedk::workflow {

/// A system's name as that of a file: `_` for all but letters, digits, `_`, `-` and dots, then with a hash of
/// the name, so that two names stay two.
std::string file_word(const std::string& name);

/// This process among those that work on the experiment.
struct Place {
  parallel::World world;  ///< that train together; rank 0 alone writes
  Shard shard;            ///< of the sessions of distil and answer steps
};

class Experiment {
 public:
  /// Loads data, split, templates and tokenizer; makes nothing on disk. ConfigError when this build has not
  /// the device of the settings and where examples are to be shared by --shard, otherwise errors of each as
  /// they come.
  explicit Experiment(ExperimentConfig config, Place place = {});

  const parallel::World& world() const noexcept { return place_.world; }
  const Shard& shard() const noexcept { return place_.shard; }

  const ExperimentConfig& config() const noexcept { return config_; }
  /// Whether it learns from bundle data; otherwise from `data.examples`, and the next three are empty.
  bool has_sessions() const noexcept { return config_.data.examples.empty(); }
  const bundle::Dataset& dataset() const noexcept { return dataset_; }
  const bundle::Split& split() const noexcept { return split_; }
  const bundle::PromptTemplates& templates() const noexcept { return templates_; }
  const bundle::SessionEncoder& encoder() const noexcept { return encoder_; }
  /// The examples of `data:`; none on bundle data.
  const TaskData& task() const noexcept { return task_; }
  /// Whether there is something to evaluate: bundle data, or examples that are kept from training.
  bool evaluates() const noexcept { return has_sessions() || !task_.evaluated.empty(); }

  /// Whether prompts show categories although some items have none, which are those that are never in a
  /// bundle.
  bool leaky_categories() const;

  /// What is read from outside, as hashes of contents; of models, of blocks spread over them.
  struct Contents {
    std::uint64_t data = 0;     ///< the domain's files, or those of examples that are learnt from
    std::uint64_t test = 0;     ///< `data.test_examples`
    std::uint64_t prompts = 0;  ///< the templates; 0 with examples
    std::uint64_t model = 0;
    std::uint64_t teacher = 0;  ///< the model of a local teacher that has one of its own
    std::uint64_t chat = 0;     ///< the file of `model.chat`, where it is one
  };
  const Contents& contents() const noexcept { return contents_; }

  /// A hash of the contents of `lora.init_adapter`, wherever it lies; empty without one.
  const std::string& init_adapter() const noexcept { return init_adapter_; }
  /// The same of an expert of `adapters`.
  const std::string& adapter_contents(const std::string& expert) const { return adapters_.at(expert); }

  /// All steps that the settings speak of, inputs first.
  const std::vector<Step>& steps() const;
  /// One of them. Error where there is none.
  const Step& step(const StepId& id) const;
  /// Where a step's outputs are, or will be.
  std::filesystem::path step_folder(const StepId& id) const { return store_.folder_of(step(id)); }
  const Store& store() const noexcept { return store_; }

  /// Takes the step's lock; false where another process works on it. Then the step stands in the run folder,
  /// with config.yaml and versions.json.
  bool open_step(const StepId& id);
  /// Records that open steps, which were done together, are whole, each with its share of the time and with
  /// the memory of all; gives their locks back.
  void close_steps(const std::vector<StepId>& ids, double gpu_mib);
  /// config.yaml and versions.json of the run folder.
  void record_settings() const;
  /// How the model is loaded.
  const model::LoadOptions& load_options() const noexcept { return load_options_; }
  /// Gives the lock of a step that is not whole back.
  void leave_step(const StepId& id) { open_.erase(id); }
  /// Names a step in the run folder, in place of an earlier one of its name. ConfigError where the folder was
  /// made without a store.
  void link_step(const StepId& id) const;
  /// The ConfigError of link_step; changes nothing on disk.
  void check_links(const StepId& id) const;

  /// The backbone, loaded on first use and shared by the process's experiments.
  std::shared_ptr<const model::Backbone> backbone();
  /// Backbone and all experts, frozen side by side.
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
  /// Of all experts, in the bank's order.
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
  /// In the run folder's `steps`.
  std::string link_name(const StepId& id) const;

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

/// A hash of blocks spread over a model's file or those of its folder, in 16 hex digits. FileError.
std::string model_contents(const std::filesystem::path& model);

/// The run folder: the given one, else runs/<data folder>-<domain> or runs/<name of the examples' file>.
std::string run_folder(const ExperimentConfig& config);

/// The store: the given one, else `store` beside the run folder.
std::filesystem::path store_folder(const ExperimentConfig& config);

/// Where the files of the evaluation are within the run folder: evaluations/NAME, or the folder itself.
std::filesystem::path evaluation_folder(const ExperimentConfig& config);

/// A path without slashes at its end.
std::string without_slash(std::string path);

/// ConfigError where something other than a link stands: a run folder made without a store.
void check_link(const std::filesystem::path& place);

/// Makes `place` a relative link to `target`, in one step where another link stands. Errors of check_link.
void make_link(const std::filesystem::path& target, const std::filesystem::path& place);

/// Where the data are: the given folder, else $ROUTEDK_DATA_DIR, else the project's data/sample.
std::filesystem::path data_folder(const std::string& given);

/// The sessions of `data:` and `split:`; none where it learns from examples.
bundle::Split split_of(const ExperimentConfig& config, const bundle::Dataset& dataset);

/// The split counts that the settings and, for what they leave open, the data folder say.
bundle::SplitCounts split_counts(const SplitConfig& settings, const std::filesystem::path& data);

}  // namespace routedk::workflow
