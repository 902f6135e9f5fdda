#include "routedk/workflow/steps/results_view.h"

#include "routedk/eval/results.h"
#include "routedk/eval/task_results.h"
#include "routedk/io/json_field.h"

namespace routedk::workflow {
namespace {

eval::Table table_of(io::Json systems) {
  return eval::results_table(io::JsonField({{"systems", std::move(systems)}}, "results"));
}

}  // namespace

void check_view(const eval::TableView& view) {
  eval::shown(table_of(io::Json::object()), view);
}

void check_view(const Experiment& experiment, const eval::TableView& view) {
  if (experiment.has_sessions()) {
    check_view(view);
    return;
  }
  const std::vector<std::string>& experts = experiment.config().experts;
  eval::shown(eval::task_table({experts.begin(), experts.end()}), view);
}

std::string results_text(const Experiment& experiment, const eval::TableView& view) {
  const auto file = experiment.step_folder({StepKind::kEvaluate}) / "results.json";
  const io::JsonField results = io::read_json_field(file);
  const eval::Table table =
      experiment.has_sessions() ? eval::results_table(results) : eval::task_table(results);
  return eval::text_table(eval::shown(table, view));
}

std::string score_text(const io::Json& score, const std::string& name, const eval::TableView& view) {
  eval::Table table = table_of({{name, score}});
  table.columns.erase(table.columns.begin(),
                      table.columns.begin() + static_cast<std::ptrdiff_t>(table.labels));
  for (eval::Row& row : table.rows) {
    row.cells.erase(row.cells.begin(), row.cells.begin() + static_cast<std::ptrdiff_t>(table.labels));
  }
  table.labels = 0;  // no columns for rule and candidates
  return eval::text_table(eval::shown(table, view));
}

}  // namespace routedk::workflow
