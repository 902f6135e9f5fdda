#include "routedk/workflow/steps/systems.h"

#include "routedk/bundle/predictions.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/numbers.h"
#include "routedk/core/random.h"
#include "routedk/experts/router_file.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/mixture.h"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

bool is_ties(const std::string& system) {
  return system.starts_with("ties:") || system.starts_with("ties_factors:");
}

bool is_router(const std::string& system) {
  return system.starts_with("router:");
}

bool is_sparse(const std::string& system) {
  return system.starts_with("top_k:") || system.starts_with("threshold:");
}

/// What stands behind the first colon.
std::string argument_of(const std::string& system) {
  return system.substr(system.find(':') + 1);
}

std::filesystem::path path_of(const std::string& system) {
  return argument_of(system);
}

/// The options of the run's router for top_k:N or threshold:SHARE.
experts::RouterOptions sparse(experts::RouterOptions options, const std::string& system,
                              std::int64_t experts) {
  const auto count = number_in<std::int64_t>(argument_of(system)).value_or(0);
  const auto share = number_in<double>(argument_of(system)).value_or(-1.0);
  if (system.starts_with("top_k:") && count >= 1 && count <= experts) {
    options.top_k = count;
  } else if (system.starts_with("threshold:") && share >= 0.0 && share <= 1.0) {
    options.threshold = share;
  } else {
    throw_<ConfigError>(
        "the systems top_k:N and threshold:SHARE must have a number from 1 to the {} experts and a share "
        "from 0 to 1, but one is `{}` instead",
        experts, system);
  }
  return options;
}

experts::RouterGate load_gate(const Experiment& experiment, const std::filesystem::path& folder,
                              const model::LlamaConfig& model) {
  auto router = experts::load_router(folder, model);
  if (router.experts != experiment.config().experts) {
    throw_<ConfigError>(
        "the router's experts must be those of `experts` in their order, but are {} instead ({})",
        fmt::join(router.experts, ", "), folder.string());
  }
  return std::move(router.gate);
}

void check_kind(const std::string& system, const RouterSettings& router) {
  if ((system == "dynamic" || system == "static") && system != router.kind) {
    throw_<ConfigError>(
        "`eval.systems` must call the run's router `{}`, which is its `router.kind`, but has `{}` instead",
        router.kind, system);
  }
}

std::uint64_t hash_of(const std::filesystem::path& file) {
  return std::filesystem::is_regular_file(file) ? hash64(read_file(file)) : 0;
}

}  // namespace

bool is_predictions(const std::string& system) {
  return system.starts_with("predictions:");
}

bool takes_router(const std::string& system) {
  return system == "dynamic" || system == "static" || is_sparse(system);
}

bool mixes(const std::string& system) {
  return system == "average" || takes_router(system) || is_router(system);
}

std::vector<bundle::Session> evaluated_sessions(const Experiment& experiment) {
  const EvalSettings& eval = experiment.config().eval;
  return bundle::evenly_spread(experiment.split().part(eval.split), eval.limit);
}

void check_systems(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  for (const std::string& system : c.eval.systems) {
    check_kind(system, c.router);
    if (is_ties(system)) {
      check_ties(system);
    } else if (is_sparse(system)) {
      sparse({}, system, static_cast<std::int64_t>(c.experts.size()));
    } else if (is_router(system)) {
      load_gate(experiment, path_of(system), model::WeightSource::open(c.model.path)->config());
    } else if (is_predictions(system)) {
      load_predictions(experiment, system);
    }
  }
}

std::uint64_t hash_outside_systems(const std::vector<std::string>& systems) {
  std::uint64_t hash = 0;
  for (const std::string& system : systems) {
    if (is_predictions(system)) {
      hash = mix64(hash ^ hash_of(path_of(system)));
    } else if (is_router(system)) {
      hash = mix64(hash ^ hash_of(path_of(system) / "router.safetensors"));
      hash = mix64(hash ^ hash_of(path_of(system) / "router_config.json"));
    }
  }
  return hash;
}

System load_system(const Experiment& experiment, const experts::RoutedModel& routed,
                   const std::string& name) {
  const model::LlamaConfig& config = routed.backbone().config();
  const std::int64_t experts = routed.bank().size();
  if (is_ties(name)) {
    Mixture mixture = make_mixture(name, load_bank(experiment.expert_folders(), config), config);
    mixture.bank->freeze(routed.backbone().dtype());
    return {routed.with_bank(std::move(mixture.bank)), std::move(mixture.gate)};
  }
  if (name == "average") {
    return {routed, std::make_unique<experts::FixedGate>(experts::FixedGate::average(experts))};
  }
  if (mixes(name)) {
    const auto folder = is_router(name) ? path_of(name) : experiment.router_folder();
    experts::RouterGate gate = load_gate(experiment, folder, config);
    if (is_sparse(name)) {
      const experts::RouterOptions options = sparse(gate.options(), name, experts);
      gate = gate.sparse(options.top_k, options.threshold);
    }
    return {routed, std::make_unique<experts::RouterGate>(std::move(gate))};
  }
  const int expert = name == "backbone" ? -1 : static_cast<int>(routed.bank().index_of(name));
  return {routed, std::make_unique<experts::SingleExpertGate>(expert, experts)};
}

std::vector<bundle::Prediction> load_predictions(const Experiment& experiment, const std::string& system) {
  const auto& split = experiment.split().part(experiment.config().eval.split);
  const auto all = bundle::read_predictions(path_of(system), split);
  std::map<bundle::SessionId, bundle::Prediction> by_session;
  for (std::size_t i = 0; i < split.size(); ++i) {
    by_session[split[i].id] = all[i];
  }
  std::vector<bundle::Prediction> wanted;
  for (const bundle::Session& session : evaluated_sessions(experiment)) {
    wanted.push_back(by_session.at(session.id));
  }
  return wanted;
}

}  // namespace routedk::workflow
