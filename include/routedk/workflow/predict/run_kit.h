/// What a run's folder holds besides its experts and router, so that it can answer anywhere without its
/// training data. RUN/predict:
///   prompts/       the templates
///   items.jsonl    the domain's items with title and category, if prompts show relations or examples
///   sessions.jsonl the training sessions, if prompts show examples or statistics of them
///   model.json     {"path": absolute, "contents": a hash, "tokenizer": its name, "tokens": how many}
#pragma once

#include "routedk/bundle/prompt.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

class Experiment;

/// Writes the missing files. SystemError.
void write_run_kit(const Experiment& experiment);

/// The run's folder of prompt templates, or an empty path if it has none.
std::filesystem::path kit_prompts(const std::filesystem::path& run);

/// The templates of `config.prompts` with the relations and examples that its prompts show, for sessions from
/// outside (ItemRelations::recognise): from the run or, without one, from the data in the settings. A session
/// of the data gets the same prompt as in an evaluation. ConfigError if the run lacks what the settings
/// require, FileError as read_records.
bundle::PromptTemplates answering_templates(const std::filesystem::path& run, const ExperimentConfig& config);

/// ConfigError if the model file that the run was trained on is missing or has changed; only a warning if the
/// command line gives another model (`chosen`).
void check_run_model(const std::filesystem::path& run, const ExperimentConfig& config, bool chosen);

}  // namespace routedk::workflow
