#include "routedk/workflow/predict/mixture.h"

#include "routedk/core/error.h"
#include "routedk/core/suggestion.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/experts/ties.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

using experts::GateKind;
using experts::GateSpec;

experts::Expert merged(const GateSpec& spec, const experts::ExpertBank& bank,
                       const model::LlamaConfig& model) {
  if (spec.kind == GateKind::kTiesFactors) {
    return experts::ties_factors(bank, model, spec.share);
  }
  return experts::ties_deltas(bank, model, spec.share,
                              spec.number == 0 ? std::nullopt : std::optional(spec.number));
}

/// There must be as many adapters as the router has experts, and those of the same name must be at the same
/// index.
experts::RouterGate load_gate(const std::filesystem::path& folder, const experts::ExpertBank& bank,
                              const model::LlamaConfig& config) {
  experts::NamedRouter router = experts::load_router(folder, config);
  const auto count = static_cast<std::int64_t>(router.experts.size());
  if (count != bank.size()) {
    throw_<ConfigError>("a router must have one adapter for each of its {} experts, but has {} ({})", count,
                        bank.size(), folder.string());
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto named = std::find(router.experts.begin(), router.experts.end(), bank[i].name());
    if (named != router.experts.end() && named - router.experts.begin() != i) {
      throw_<ConfigError>("adapter `{}` must be number {} as in the router, but is number {} ({})",
                          bank[i].name(), named - router.experts.begin(), i, folder.string());
    }
  }
  return std::move(router.gate);
}

/// The same random router on every machine.
constexpr std::uint64_t kRandomRouterSeed = 1;

/// The run's router, modified as the gate requires.
std::unique_ptr<experts::Gate> changed_router(const GateSpec& spec, experts::RouterGate router,
                                              const experts::ExpertBank& bank) {
  const experts::RouterOptions& options = router.options();
  if (spec.kind == GateKind::kTopK) {
    router = router.sparse(spec.number, options.threshold);
  } else if (spec.kind == GateKind::kThreshold) {
    router = router.sparse(options.top_k, spec.share);
  } else if (spec.kind == GateKind::kRandomRouter) {
    router = router.with_random_weights(kRandomRouterSeed);
  } else if (spec.kind != GateKind::kAblate && options.is_static() != (spec.kind == GateKind::kStatic)) {
    throw_<ConfigError>("the gate must be called {} like the run's router, but is `{}` instead", options.kind,
                        to_string(spec));
  }
  auto gate = std::make_unique<experts::RouterGate>(std::move(router));
  if (spec.kind != GateKind::kAblate) {
    return gate;
  }
  return std::make_unique<experts::AblationGate>(std::move(gate), static_cast<int>(bank.index_of(spec.name)));
}

std::unique_ptr<experts::Gate> single(std::int64_t expert, const experts::ExpertBank& bank) {
  return std::make_unique<experts::SingleExpertGate>(static_cast<int>(expert), bank.size());
}

std::unique_ptr<experts::Gate> named_gate(const std::string& name, const experts::ExpertBank& bank,
                                          const model::LlamaConfig& model) {
  const std::vector<std::string> names = names_of(bank);
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    return single(bank.index_of(name), bank);
  }
  return std::make_unique<experts::RouterGate>(load_gate(name, bank, model));
}

}  // namespace

std::shared_ptr<experts::ExpertBank> load_bank(const std::vector<std::filesystem::path>& folders,
                                               const model::LlamaConfig& model) {
  std::vector<std::shared_ptr<experts::Expert>> loaded;
  loaded.reserve(folders.size());
  for (const auto& folder : folders) {
    loaded.push_back(
        std::make_shared<experts::Expert>(experts::load_peft(folder, folder_name(folder), model)));
  }
  return std::make_shared<experts::ExpertBank>(std::move(loaded));
}

std::string folder_name(const std::filesystem::path& folder) {
  const auto absolute = std::filesystem::absolute(folder).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
}

std::vector<std::string> names_of(const experts::ExpertBank& bank) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    names.push_back(bank[i].name());
  }
  return names;
}

namespace {

/// A gate that is none of the known words must be an expert or a router's folder.
void check_named_gate(const std::string& name, const std::vector<std::string>& experts) {
  if (std::find(experts.begin(), experts.end(), name) != experts.end() ||
      std::filesystem::is_directory(name)) {
    return;
  }
  std::vector<std::string> known = experts::gate_words();
  known.insert(known.begin(), experts.begin(), experts.end());
  throw_<ConfigError>(
      "a gate must be one of the experts {}, a router's folder, {} or {}, but is `{}` instead{}",
      fmt::join(experts, ", "), experts::gate_forms(experts::weighs_given_experts),
      experts::gate_forms(experts::takes_router), name, suggestion(name, known));
}

}  // namespace

void check_gate(const GateSpec& spec, const std::vector<std::string>& experts) {
  if (spec.kind == GateKind::kNamed) {
    check_named_gate(spec.name, experts);
  }
  const auto count = static_cast<std::int64_t>(experts.size());
  if (spec.kind == GateKind::kTopK && spec.number > count) {
    throw_<ConfigError>(
        "N of the gate top_k:N must be from 1 to the {} experts, but the gate is `{}` instead", count,
        to_string(spec));
  }
  if (spec.kind == GateKind::kOneHot && spec.number >= count) {
    throw_<ConfigError>("I of the gate one-hot:I must be from 0 to {}, but the gate is `{}` instead",
                        count - 1, to_string(spec));
  }
  if (spec.kind == GateKind::kAblate &&
      std::find(experts.begin(), experts.end(), spec.name) == experts.end()) {
    throw_<ConfigError>("NAME of the gate ablate:NAME must be one of {}, but the gate is `{}` instead",
                        fmt::join(experts, ", "), to_string(spec));
  }
}

std::unique_ptr<experts::Gate> make_gate(const GateSpec& spec, const experts::ExpertBank& bank,
                                         const model::LlamaConfig& model,
                                         const std::filesystem::path& run_router) {
  check_gate(spec, names_of(bank));
  switch (spec.kind) {
    case GateKind::kBackbone:
      return single(-1, bank);
    case GateKind::kAverage:
      return std::make_unique<experts::FixedGate>(experts::FixedGate::average(bank.size()));
    case GateKind::kEnsemble:
      return std::make_unique<experts::EnsembleGate>(bank.size());
    case GateKind::kOneHot:
      return single(spec.number, bank);
    case GateKind::kNamed:
      return named_gate(spec.name, bank, model);
    case GateKind::kRouter:
      return std::make_unique<experts::RouterGate>(load_gate(spec.name, bank, model));
    case GateKind::kDynamic:
    case GateKind::kStatic:
    case GateKind::kTopK:
    case GateKind::kThreshold:
    case GateKind::kAblate:
    case GateKind::kRandomRouter:
      if (run_router.empty()) {
        throw_<ConfigError>("a gate that takes a run's router must have a run, but `{}` has none",
                            to_string(spec));
      }
      return changed_router(spec, load_gate(run_router, bank, model), bank);
    case GateKind::kTies:
    case GateKind::kTiesFactors:
    case GateKind::kPredictions:
    case GateKind::kRandomExperts:
    case GateKind::kOneLoraOnRouterData:
    case GateKind::kPermuted:
    case GateKind::kItemsets:
    case GateKind::kRelatedGroups:
    case GateKind::kTeacher:
      break;
  }
  throw_<ConfigError>("a gate must weigh the given experts, but is `{}` instead", to_string(spec));
}

Mixture make_mixture(const GateSpec& spec, std::shared_ptr<experts::ExpertBank> bank,
                     const model::LlamaConfig& model, const std::filesystem::path& run_router) {
  if (!merges(spec.kind)) {
    auto gate = make_gate(spec, *bank, model, run_router);
    return {std::move(bank), std::move(gate)};
  }
  std::vector alone = {std::make_shared<experts::Expert>(merged(spec, *bank, model))};
  return {std::make_shared<experts::ExpertBank>(std::move(alone)),
          std::make_unique<experts::SingleExpertGate>(0, 1)};
}

std::vector<double> chosen_weights(const std::vector<double>& given, std::size_t adapters) {
  if (given.empty()) {
    std::vector<double> equal(adapters, 1.0 / static_cast<double>(adapters));
    return equal;
  }
  if (given.size() != adapters) {
    throw_<ConfigError>("`weights` must be one for each of the {} adapters, but are {}", adapters,
                        given.size());
  }
  for (const double weight : given) {
    if (!std::isfinite(weight)) {
      throw_<ConfigError>("`weights` must be finite, but one is {} instead", weight);
    }
  }
  return given;
}

GateSpec chosen_gate(const std::string& gate, std::int64_t experts, const std::filesystem::path& run_router) {
  if (!gate.empty()) {
    return experts::parse_gate_spec(gate);
  }
  if (!run_router.empty()) {
    return {.kind = GateKind::kRouter, .name = run_router.string()};
  }
  return {.kind = experts == 1 ? GateKind::kOneHot : GateKind::kAverage};
}

}  // namespace routedk::workflow
