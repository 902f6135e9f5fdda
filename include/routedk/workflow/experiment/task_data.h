/// A user's own task at work: its examples as token ids, and which of them are kept for the evaluation.
#pragma once

#include "routedk/bundle/session_encoder.h"
#include "routedk/eval/task_answers.h"
#include "routedk/train/example.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::workflow {

struct TaskItem {
  train::Example example;  ///< of group 0; its source is file:line
  eval::TaskGold gold;     ///< references as the model would write them: a tokenizer may change a text
};

struct TaskData {
  std::vector<TaskItem> training;
  std::vector<TaskItem> validation;
  /// Of `data.test_examples`; without, those of validation; without, the lines that `data.holdout` keeps from
  /// training: that share of each expert's, rounded down, drawn without regard to any seed of the settings.
  std::vector<TaskItem> evaluated;
  std::string evaluated_file;  ///< where these stand
};

/// Reads and encodes the files of `data:` (nothing without `data.examples`). Errors as read_task_examples;
/// DataError where the chat template refuses a line's turns, examples are longer than the model's context, or
/// an expert that is to be trained has no line.
TaskData load_task(const ExperimentConfig& config, const bundle::SessionEncoder& encoder);

}  // namespace routedk::workflow
