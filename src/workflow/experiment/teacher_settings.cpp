#include "routedk/workflow/experiment/teacher_settings.h"

namespace routedk::workflow {

void TeacherSettings::validate(std::vector<std::string>& problems) const {
  if (kind == distill::TeacherKind::kEndpoint && (endpoint.url.empty() || model.empty())) {
    problems.emplace_back(
        "`endpoint.url` and `model` must be given where `kind` is endpoint, but one is empty.");
  }
  if (budget.cost > 0.0 && budget.prompt_price + budget.completion_price == 0.0) {
    problems.emplace_back("`budget.cost` must come with a price, but both prices are 0.");
  }
}

TeacherSettings text_settings(TeacherSettings settings) {
  const TeacherSettings defaults;
  settings.endpoint = defaults.endpoint;
  settings.budget = defaults.budget;
  settings.retries = defaults.retries;
  settings.batch = defaults.batch;
  settings.held_out = defaults.held_out;
  return settings;
}

}  // namespace routedk::workflow
