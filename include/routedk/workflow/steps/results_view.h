/// The metrics of an evaluation as routedk-eval prints them.
#pragma once

#include "routedk/eval/table.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/experiment/experiment.h"

#include <string>

namespace routedk::workflow {

/// ConfigError for a view of columns that no evaluation of sessions has, or that this experiment lacks.
void check_view(const eval::TableView& view);
void check_view(const Experiment& experiment, const eval::TableView& view);

/// The table of the experiment's evaluation, which must be done, as text.
std::string results_text(const Experiment& experiment, const eval::TableView& view);

/// One line of that table: the result of `score` (data/score.h) under the given name.
std::string score_text(const io::Json& score, const std::string& name, const eval::TableView& view);

}  // namespace routedk::workflow
