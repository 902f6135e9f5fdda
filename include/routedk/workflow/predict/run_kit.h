/// What a run's folder holds beside its experts and router so that it answers from anywhere, without the data
/// that it learnt from. RUN/predict:
///   prompts/       the templates
///   items.jsonl    the domain's items with title and category, where prompts show relations or examples
///   sessions.jsonl the training sessions, where prompts show examples or what is counted over them
///   model.json     {"path": absolute, "contents": a hash, "tokenizer": its name, "tokens": how many}
#pragma once

#include "routedk/bundle/prompt.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

class Experiment;

/// Writes what is not there already. SystemError.
void write_run_kit(const Experiment& experiment);

/// The run's folder of prompt templates, or an empty path where it has none.
std::filesystem::path kit_prompts(const std::filesystem::path& run);

/// The templates of `config.prompts` with the relations and examples that its prompts show, for sessions from
/// elsewhere (ItemRelations::recognise): those of the run, or, without one, of the data of the settings. A
/// session of the data gets the prompt that it has in an evaluation. ConfigError where the run does not keep
/// what the settings want, FileError as read_records.
bundle::PromptTemplates answering_templates(const std::filesystem::path& run, const ExperimentConfig& config);

/// ConfigError where the file that the run was trained on is gone or has changed; a warning where the command
/// line gives another model (`chosen`).
void check_run_model(const std::filesystem::path& run, const ExperimentConfig& config, bool chosen);

}  // namespace routedk::workflow
