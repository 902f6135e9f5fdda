/// A user's own task: its examples as token ids, and those held out for evaluation.
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
  train::Example example;  ///< in group 0; its source is file:line
  eval::TaskGold gold;     ///< references as the model would write them, since a tokenizer may change a text
};

struct TaskData {
  std::vector<TaskItem> training;
  std::vector<TaskItem> validation;
  /// From `data.test_examples`; otherwise the validation examples; otherwise the lines that `data.holdout`
  /// holds out: that share of each expert's lines, rounded down, drawn independently of the seeds in the
  /// settings.
  std::vector<TaskItem> evaluated;
  std::string evaluated_file;  ///< the file of these
};

/// Reads and encodes the files of `data:` (nothing without `data.examples`). Throws as read_task_examples
/// does; DataError if the chat template rejects a line's turns, examples exceed the model's context, or an
/// expert to be trained has no line.
TaskData load_task(const ExperimentConfig& config, const bundle::SessionEncoder& encoder);

}  // namespace routedk::workflow
