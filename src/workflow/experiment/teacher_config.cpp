#include "routedk/workflow/experiment/teacher_config.h"

#include <algorithm>
#include <cctype>

namespace routedk::workflow {
namespace {

bool is_variable_name(const std::string& name) {
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

}  // namespace

void TeacherConfig::validate(std::vector<std::string>& problems) const {
  if (kind == distill::TeacherKind::kEndpoint && (endpoint.url.empty() || model.empty())) {
    problems.emplace_back(
        "`endpoint.url` and `model` must be given where `kind` is endpoint, but one is empty.");
  }
  if (!is_variable_name(endpoint.key_variable)) {  // not shown: it may be the key itself
    problems.emplace_back(
        "`endpoint.key_variable` must be the name of an environment variable, letters, digits and _, but has "
        "other characters.");
  }
  if (budget.cost > 0.0 && budget.prompt_price + budget.completion_price == 0.0) {
    problems.emplace_back("`budget.cost` must come with a price, but both prices are 0.");
  }
}

TeacherConfig text_settings(TeacherConfig settings) {
  const TeacherConfig defaults;
  const ConfigTree parameters = settings.endpoint.parameters;
  settings.endpoint = defaults.endpoint;
  settings.endpoint.parameters = parameters;
  settings.budget = defaults.budget;
  settings.retries = defaults.retries;
  settings.batch = defaults.batch;
  settings.held_out = defaults.held_out;
  return settings;
}

}  // namespace routedk::workflow
