#include "routedk/workflow/experiment_config.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace routedk::workflow {

void ExperimentConfig::validate(std::vector<std::string>& problems) const {
  if (experts.empty()) {
    problems.emplace_back("`experts` must name at least 1 expert, but names 0 instead.");
  }
  if (std::set<std::string>(experts.begin(), experts.end()).size() != experts.size()) {
    problems.emplace_back("`experts` must name each expert once, but repeats one instead.");
  }
  if (std::set<std::string>(prompt.relations.begin(), prompt.relations.end()).size() !=
      prompt.relations.size()) {
    problems.emplace_back("`prompt.relations` must name each relation once, but repeats one instead.");
  }
  std::vector<std::string> known = {"backbone", "average", "dynamic"};
  known.insert(known.end(), experts.begin(), experts.end());
  for (const std::string& system : eval.systems) {
    if (std::find(known.begin(), known.end(), system) == known.end()) {
      problems.push_back(fmt::format(
          "`eval.systems` must be backbone, average, dynamic or a name in `experts`, but has `{}` instead.",
          system));
    }
  }
}

}  // namespace routedk::workflow
