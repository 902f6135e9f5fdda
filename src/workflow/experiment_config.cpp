#include "routedk/workflow/experiment_config.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {

namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_experts(const ExperimentConfig& config, Names& problems) {
  const Names& experts = config.experts;
  if (experts.empty()) {
    problems.emplace_back("`experts` must name at least 1 expert, but names 0 instead.");
  }
  if (std::set<std::string>(experts.begin(), experts.end()).size() != experts.size()) {
    problems.emplace_back("`experts` must name each expert once, but repeats one instead.");
  }
  const Names& relations = config.prompt.relations;
  if (std::set<std::string>(relations.begin(), relations.end()).size() != relations.size()) {
    problems.emplace_back("`prompt.relations` must name each relation once, but repeats one instead.");
  }
  static const Names kBundle = {"base", "high_level", "fine_grained", "merged"};
  for (const std::string& name : experts) {
    if (config.data.examples.empty() && !has(kBundle, name)) {
      problems.push_back(
          fmt::format("`experts` must be among {} where no data.examples are given, but has `{}` instead.",
                      fmt::join(kBundle, ", "), name));
    } else if (name.empty() || name == "all" || name.find_first_of("/+ \n") != std::string::npos) {
      problems.push_back(fmt::format(
          "`experts` must be words without /, + and spaces and not `all`, but has `{}` instead.", name));
    }
  }
}

void check_systems(const ExperimentConfig& config, Names& problems) {
  Names known = {"backbone", "average", "dynamic"};
  known.insert(known.end(), config.experts.begin(), config.experts.end());
  for (const std::string& system : config.eval.systems) {
    if (config.data.examples.empty() && !has(known, system)) {
      problems.push_back(fmt::format(
          "`eval.systems` must be backbone, average, dynamic or a name in `experts`, but has `{}` instead.",
          system));
    }
  }
}

void check_rates(const Names& groups, const std::vector<train::GroupRate>& rates, const char* where,
                 Names& problems) {
  for (const train::GroupRate& rate : rates) {
    if (!has(groups, rate.group)) {
      problems.push_back(fmt::format("`{}.learning_rates` must be of {}, but has one of `{}` instead.", where,
                                     fmt::join(groups, ", "), rate.group));
    }
  }
}

}  // namespace

void ExperimentConfig::validate(std::vector<std::string>& problems) const {
  check_experts(*this, problems);
  check_systems(*this, problems);
  check_rates(experts, train.learning_rates, "train", problems);
  check_rates({"router"}, router.learning_rates, "router", problems);
  if (router.top_k > static_cast<std::int64_t>(experts.size())) {
    problems.push_back(fmt::format("`router.top_k` must be at most the {} experts, but is {} instead.",
                                   experts.size(), router.top_k));
  }
  if (augment.shuffle_items && thoughts.mentions == "numbers") {
    problems.emplace_back(
        "`augment.shuffle_items` must be false where thoughts mention product numbers, but is true instead.");
  }
}

}  // namespace routedk::workflow
