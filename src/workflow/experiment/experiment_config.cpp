#include "routedk/workflow/experiment/experiment_config.h"

#include "routedk/core/error.h"
#include "routedk/experts/gate_spec.h"

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

template <typename T>
void check_different(const char* field, const char* noun, const std::vector<T>& list, Names& problems) {
  if (std::set<T>(list.begin(), list.end()).size() != list.size()) {
    problems.push_back(fmt::format("`{}` must name each {} once, but repeats one instead.", field, noun));
  }
}

void check_experts(const ExperimentConfig& config, Names& problems) {
  const Names& experts = config.experts;
  if (experts.empty()) {
    problems.emplace_back("`experts` must name at least 1 expert, but names 0 instead.");
  }
  check_different("experts", "expert", experts, problems);
  check_different("prompt.relations", "relation", config.prompt.relations, problems);
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

/// What the grammar says about a system; "" where it can be. A bare name must be an expert's.
std::string system_problem(const std::string& system, const Names& experts) {
  try {
    const auto spec = experts::parse_gate_spec(system);
    return spec.kind != experts::GateKind::kNamed || has(experts, spec.name)
               ? ""
               : fmt::format("must be a name in `experts`, {}, but has `{}` instead.", experts::gate_forms(),
                             system);
  } catch (const ConfigError& error) {
    return fmt::format("must be possible: {}.", error.what());
  }
}

void check_systems(const ExperimentConfig& config, Names& problems) {
  for (const std::string& system : config.data.examples.empty() ? config.eval.systems : Names()) {
    if (const std::string problem = system_problem(system, config.experts); !problem.empty()) {
      problems.push_back("`eval.systems` " + problem);
    }
  }
  check_different("eval.systems", "system", config.eval.systems, problems);
  check_different("eval.select", "rule", config.eval.select, problems);
  check_different("eval.utility", "utility", config.eval.utility, problems);
  check_different("eval.expectation", "expectation", config.eval.expectation, problems);
  check_different("eval.samples", "number", config.eval.samples, problems);
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

/// What training by expected utility needs of the data. It draws under the automaton, however answers are
/// decoded.
void check_objective(const ExperimentConfig& config, const train::TrainConfig& training, const char* where,
                     Names& problems) {
  if (training.objective == train::ObjectiveKind::kLikelihood) {
    return;
  }
  const train::TrainUtility utility = training.expected_utility.utility;
  const bool of_bundles = utility != train::TrainUtility::kExact && utility != train::TrainUtility::kRougeL;
  if (config.data.examples.empty() ? !of_bundles : of_bundles) {
    problems.push_back(fmt::format("`{}.expected_utility.utility` must be {}, but is {} instead.", where,
                                   config.data.examples.empty() ? "f1, jaccard_f1 or mean on bundle data"
                                                                : "exact or rouge_l with data.examples",
                                   name_of(utility)));
  }
}

}  // namespace

void ExperimentConfig::validate(std::vector<std::string>& problems) const {
  check_experts(*this, problems);
  check_systems(*this, problems);
  check_rates(experts, train.learning_rates, "train", problems);
  check_rates({"router"}, router.learning_rates, "router", problems);
  check_objective(*this, train, "train", problems);
  check_objective(*this, router, "router", problems);
  if (router.top_k > static_cast<std::int64_t>(experts.size())) {
    problems.push_back(fmt::format("`router.top_k` must be at most the {} experts, but is {} instead.",
                                   experts.size(), router.top_k));
  }
  if (router.kind == experts::RouterKind::kStatic && router.pool_norm != experts::PoolNorm::kNone) {
    problems.push_back(fmt::format(
        "`router.pool_norm` must be none of a static router, which pools nothing, but is {} instead.",
        name_of(router.pool_norm)));
  }
  if (augment.shuffle_items && thoughts.mentions == distill::Mentions::kNumbers) {
    problems.emplace_back(
        "`augment.shuffle_items` must be false where thoughts mention product numbers, but is true instead.");
  }
}

}  // namespace routedk::workflow
