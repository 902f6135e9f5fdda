/// One experiment at work: its settings, data and run folder, loaded once and shared by its steps.
///
/// The run folder:
///   config.yaml       the effective settings        versions.json  what computed them
///   knowledge.jsonl   rules and thoughts            knowledge.json what the teacher wrote, in figures
///   domain_rules.txt  the domain's rules, best first
///   teacher-SPLIT.jsonl, .json  the teacher's own answers
///   *.spent.jsonl     what each reply to a teacher's question cost, beside the .jsonl that it went into
///   experts/NAME/     PEFT folders                  router/        router.safetensors, router_config.json
///   controls/NAME/    what eval.systems' controls trained: a PEFT folder, or experts/ and router/
///   checkpoints/      of training under way         metrics.jsonl  every optimiser step and validation
///   answers/NAME.jsonl  what each system answered
///   results.json      figures                       results.txt, .md, .html  the same as a table
///   summary.txt       the same at a glance
///   verifiers/NAME/   what chooses among a system's answers; NAME.jsonl: what it learnt from
///   inputs.json       how many prompts were cut
///   steps.txt         which steps are begun and done  timings.jsonl  wall time and memory of each step
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session_encoder.h"
#include "routedk/bundle/split.h"
#include "routedk/core/run_folder.h"
#include "routedk/experts/routed_model.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::workflow {

/// A system's name as that of a file: `_` for all but letters, digits, `_`, `-` and dots, then with a hash of
/// the name, so that two names stay two.
std::string file_word(const std::string& name);

class Experiment {
 public:
  /// Loads data, split, templates and tokenizer; makes nothing on disk. ConfigError when this build has not
  /// the device of the settings, otherwise errors of each as they come.
  explicit Experiment(ExperimentConfig config);

  const ExperimentConfig& config() const noexcept { return config_; }
  /// Whether it learns from bundle data; otherwise from `data.examples`, and the next three are empty.
  bool has_sessions() const noexcept { return config_.data.examples.empty(); }
  const bundle::Dataset& dataset() const noexcept { return dataset_; }
  const bundle::Split& split() const noexcept { return split_; }
  const bundle::PromptTemplates& templates() const noexcept { return templates_; }
  const bundle::SessionEncoder& encoder() const noexcept { return encoder_; }

  /// Whether prompts show categories although some items have none, which are those that are never in a
  /// bundle.
  bool leaky_categories() const;

  /// A hash of the contents of the domain's files and the prompt templates, or of the files of examples, and
  /// of the model file's size.
  std::uint64_t inputs() const noexcept { return inputs_; }

  /// A hash of the contents of `lora.init_adapter`, wherever it lies; empty without one.
  const std::string& init_adapter() const noexcept { return init_adapter_; }

  /// The run folder, opened and locked on first use.
  RunFolder& run();
  /// Writes config.yaml and versions.json.
  void record_settings();
  /// The backbone, loaded on first use.
  std::shared_ptr<const model::Backbone> backbone();
  /// Backbone and all experts of the run folder, frozen side by side.
  experts::RoutedModel routed_model();

  std::filesystem::path folder() const { return config_.run.dir; }
  std::filesystem::path domain_rules_file() const { return folder() / "domain_rules.txt"; }
  std::filesystem::path knowledge_file() const { return folder() / "knowledge.jsonl"; }
  std::filesystem::path expert_folder(const std::string& name) const { return folder() / "experts" / name; }
  /// Of all experts, in the bank's order.
  std::vector<std::filesystem::path> expert_folders() const;
  std::filesystem::path router_folder() const { return folder() / "router"; }
  std::filesystem::path control_folder(const std::string& system) const {
    return folder() / "controls" / system;
  }
  std::filesystem::path answers_file(const std::string& system) const {
    return folder() / "answers" / (file_word(system) + ".jsonl");
  }
  std::filesystem::path verifier_folder(const std::string& system) const {
    return folder() / "verifiers" / file_word(system);
  }

 private:
  ExperimentConfig config_;
  model::LoadOptions load_options_;
  bundle::Dataset dataset_;
  bundle::Split split_;
  bundle::PromptTemplates templates_;
  bundle::SessionEncoder encoder_;
  std::uint64_t inputs_ = 0;
  std::string init_adapter_;
  std::unique_ptr<RunFolder> run_;
  std::shared_ptr<const model::Backbone> backbone_;
};

/// The run folder: the given one, else runs/<data folder>-<domain> or runs/<name of the examples' file>.
std::string run_folder(const ExperimentConfig& config);

/// Where the data are: the given folder, else $ROUTEDK_DATA_DIR, else data/sample.
std::filesystem::path data_folder(const std::string& given);

/// The split counts that the settings and, for what they leave open, the data folder say.
bundle::SplitCounts split_counts(const SplitConfig& settings, const std::filesystem::path& data);

}  // namespace routedk::workflow
