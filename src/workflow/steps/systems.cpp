#include "routedk/workflow/steps/systems.h"

#include "routedk/bundle/category_itemsets.h"
#include "routedk/bundle/item_relations.h"
#include "routedk/bundle/predictions.h"
#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/experts/router_file.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/mixture.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <map>

#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

using experts::GateKind;
using experts::GateSpec;
using experts::parse_gate_spec;

/// The folder must hold a router of the run's experts.
void check_router(const std::filesystem::path& folder, const ExperimentConfig& config) {
  const auto source = model::WeightSource::open(config.model.path);
  const auto router = experts::load_router(folder, source->config());
  if (router.experts != config.experts) {
    throw_<ConfigError>(
        "the router's experts must be those of `experts` in their order, but are {} instead ({})",
        fmt::join(router.experts, ", "), folder.string());
  }
}

/// The kind of system that uses the run's router.
GateKind own_kind(const RouterConfig& router) {
  return router.kind == experts::RouterKind::kStatic ? GateKind::kStatic : GateKind::kDynamic;
}

void check_kind(GateKind system, const RouterConfig& router) {
  const GateKind own = own_kind(router);
  if (own == GateKind::kStatic && (system == GateKind::kRandomRouter || system == GateKind::kPermuted)) {
    throw_<ConfigError>(
        "`eval.systems` must not have `{}` of a static router, which does not look at its input",
        to_string(GateSpec{.kind = system}));
  }
  if ((system == GateKind::kDynamic || system == GateKind::kStatic) && system != own) {
    throw_<ConfigError>(
        "`eval.systems` must call the run's router `{}`, which is its `router.kind`, but has `{}` instead",
        router.kind, to_string(GateSpec{.kind = system}));
  }
}

/// Loads what controls_step trained.
System load_control(Experiment& experiment, const std::string& name) {
  const auto backbone = experiment.backbone();
  const std::filesystem::path folder = experiment.control_folder(name);
  const bool alone = parse_gate_spec(name).kind == GateKind::kOneLoraOnRouterData;
  std::vector<std::filesystem::path> folders{folder};
  if (!alone) {
    folders.clear();
    for (const std::string& expert : experiment.config().experts) {
      folders.push_back(folder / "experts" / expert);
    }
  }
  const model::LlamaConfig& config = backbone->config();
  const GateSpec gate = alone ? GateSpec{.kind = GateKind::kOneHot}
                              : GateSpec{.kind = GateKind::kRouter, .name = (folder / "router").string()};
  Mixture mixture = make_mixture(gate, load_bank(folders, config), config, {});
  mixture.bank->freeze(*backbone);
  return {{backbone, std::move(mixture.bank)}, std::move(mixture.gate)};
}

std::uint64_t hash_of(const std::filesystem::path& file) {
  return std::filesystem::is_regular_file(file) ? hash64(read_file(file)) : 0;
}

}  // namespace

bool has_candidates(const std::string& system) {
  return !experts::needs_no_model(parse_gate_spec(system).kind);
}

bool takes_router(const std::string& system) {
  return experts::takes_router(parse_gate_spec(system).kind);
}

bool mixes(const std::string& system) {
  const GateKind kind = parse_gate_spec(system).kind;
  return kind == GateKind::kAverage || kind == GateKind::kRouter || kind == GateKind::kRandomExperts ||
         kind == GateKind::kPermuted || experts::takes_router(kind);
}

bool is_permuted(const std::string& system) {
  return parse_gate_spec(system).kind == GateKind::kPermuted;
}

std::string router_system(const ExperimentConfig& config) {
  return to_string(GateSpec{.kind = own_kind(config.router)});
}

std::vector<bundle::Session> evaluated_sessions(const Experiment& experiment) {
  const EvalConfig& eval = experiment.config().eval;
  return evenly_spread(experiment.split().part(eval.split), eval.limit);
}

std::vector<TaskItem> evaluated_items(const Experiment& experiment) {
  return evenly_spread(experiment.task().evaluated, experiment.config().eval.limit);
}

void require_sessions_to_ask(const Experiment& experiment) {
  const bundle::SplitPart part = experiment.config().eval.split;
  if (experiment.has_sessions() && experiment.split().part(part).empty()) {
    throw_<ConfigError>(
        "`eval.split` must have sessions to ask, but {} has none: change it, or "
        "split.test_per_length and split.val_per_length",
        part);
  }
}

void check_systems(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  for (const std::string& system : c.eval.systems) {
    const GateSpec spec = parse_gate_spec(system);
    check_kind(spec.kind, c.router);
    check_gate(spec, c.experts);
    if (spec.kind == GateKind::kRouter) {
      check_router(spec.name, c);
    } else if (spec.kind == GateKind::kPermuted && wants_verifier(c)) {
      throw_<ConfigError>(
          "`eval.select` must not have verifier with the system `permuted`, which has no weights for the "
          "sessions that a verifier learns from");
    } else if (spec.kind == GateKind::kTeacher) {
      check_teacher_answers(c, c.eval.split);
    } else if (spec.kind == GateKind::kPredictions) {
      predictions_of(experiment, system);
    }
  }
}

std::uint64_t hash_outside_systems(const std::vector<std::string>& systems) {
  std::uint64_t hash = 0;
  for (const std::string& system : systems) {
    const GateSpec spec = parse_gate_spec(system);
    const std::filesystem::path path = spec.name;
    if (spec.kind == GateKind::kPredictions) {
      hash = mix64(hash ^ hash_of(path));
    } else if (spec.kind == GateKind::kRouter) {
      hash = mix64(hash ^ hash_of(path / "router.safetensors"));
      hash = mix64(hash ^ hash_of(path / "router_config.json"));
    }
  }
  return hash;
}

System load_system(Experiment& experiment, const std::string& name) {
  const auto backbone = experiment.backbone();
  const model::LlamaConfig& config = backbone->config();
  const GateSpec spec = parse_gate_spec(name);
  if (experts::is_trained_control(spec.kind)) {
    return load_control(experiment, name);
  }
  if (spec.kind == GateKind::kBackbone) {
    return {experts::without_experts(backbone), std::make_unique<experts::SingleExpertGate>(-1, 1)};
  }
  const auto bank = spec.kind == GateKind::kNamed ? load_bank({experiment.expert_folder(spec.name)}, config)
                                                  : load_bank(experiment.expert_folders(), config);
  if (!experts::merges(spec.kind)) {
    bank->freeze(*backbone);
    auto gate = spec.kind == GateKind::kPermuted  // each session's weights are in the answers' setting
                    ? std::make_unique<experts::FrozenGate>(std::vector<experts::GateRows>())
                    : make_gate(spec, *bank, config, takes_router(name) ? experiment.router_folder() : "");
    return {{backbone, bank}, std::move(gate)};
  }
  Mixture mixture = make_mixture(spec, bank, config, {});
  mixture.bank->freeze(*backbone);
  return {{backbone, std::move(mixture.bank)}, std::move(mixture.gate)};
}

namespace {

/// The answers of `predict`, a function of a session.
std::vector<bundle::Prediction> answers_by(const Experiment& experiment, const auto& predict) {
  std::vector<bundle::Prediction> predictions;
  for (const bundle::Session& session : evaluated_sessions(experiment)) {
    predictions.emplace_back(predict(session));
  }
  return predictions;
}

}  // namespace

std::vector<bundle::Prediction> predictions_of(const Experiment& experiment, const std::string& system) {
  const GateKind kind = parse_gate_spec(system).kind;
  if (kind == GateKind::kItemsets) {
    const bundle::CategoryItemsets itemsets(experiment.split().train);
    return answers_by(experiment, [&](const auto& session) { return itemsets.predict(session); });
  }
  if (kind == GateKind::kRelatedGroups) {
    const bundle::TfIdf titles(experiment.dataset().titles);
    const bundle::ItemRelations relations(experiment.split().train, titles, {});
    return answers_by(experiment, [&](const auto& session) { return relations.related_groups(session); });
  }
  if (kind == GateKind::kTeacher) {
    return teacher_answers(experiment, experiment.config().eval.split);
  }
  const auto& split = experiment.split().part(experiment.config().eval.split);
  const auto all = bundle::read_predictions(parse_gate_spec(system).name, split);
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
