#include "routedk/workflow/predict/mixture.h"

#include "routedk/core/error.h"
#include "routedk/core/numbers.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/experts/ties.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace routedk::workflow {
namespace {

/// "adapters/base/" -> "base"
std::string folder_name(const std::filesystem::path& folder) {
  const auto absolute = std::filesystem::absolute(folder).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
}

std::unique_ptr<experts::Gate> one_hot_gate(const std::string& spec, std::int64_t experts) {
  const auto chosen = number_in<int>(std::string_view(spec).substr(spec.find(':') + 1));
  if (!chosen || *chosen < 0 || *chosen >= experts) {
    throw_<ConfigError>("I of the gate one-hot:I must be from 0 to {}, but the gate is `{}` instead",
                        experts - 1, spec);
  }
  return std::make_unique<experts::OwnerGate>(std::vector<int>{*chosen}, experts);
}

/// DENSITY[:RANK], as they stand behind a gate's name.
struct TiesNumbers {
  double density;
  std::optional<std::int64_t> rank;
};

TiesNumbers ties_numbers(const std::string& spec) {
  const std::string_view numbers = std::string_view(spec).substr(spec.find(':') + 1);
  const std::size_t colon = numbers.find(':');
  const auto density = number_in<double>(numbers.substr(0, colon));
  std::optional<std::int64_t> rank;
  if (colon != std::string_view::npos) {
    rank = number_in<std::int64_t>(numbers.substr(colon + 1)).value_or(0);
  }
  if (!density || !(*density >= 0.0 && *density <= 1.0) || rank.value_or(1) < 1) {
    throw_<ConfigError>(
        "the gates ties:DENSITY[:RANK] and ties_factors:DENSITY must have a density from 0 to 1 and a rank "
        "of at least 1, but one is `{}` instead",
        spec);
  }
  return {*density, rank};
}

experts::Expert ties(const std::string& spec, const experts::ExpertBank& bank,
                     const model::LlamaConfig& model) {
  check_ties(spec);
  const auto [density, rank] = ties_numbers(spec);
  return spec.starts_with("ties:") ? experts::ties_deltas(bank, model, density, rank)
                                   : experts::ties_factors(bank, model, density);
}

Mixture alone(experts::Expert expert) {
  std::vector<std::shared_ptr<experts::Expert>> bank = {std::make_shared<experts::Expert>(std::move(expert))};
  return {std::make_shared<experts::ExpertBank>(std::move(bank)),
          std::make_unique<experts::SingleExpertGate>(0, 1)};
}

/// The adapters must be as many as the router's experts; those of the same name must stand at the same place.
std::unique_ptr<experts::Gate> router_gate(const std::string& folder, const experts::ExpertBank& bank,
                                           const model::LlamaConfig& config) {
  experts::NamedRouter router = experts::load_router(folder, config);
  const auto count = static_cast<std::int64_t>(router.experts.size());
  if (count != bank.size()) {
    throw_<ConfigError>("a router's adapters must be as many as its {} experts, but are {} ({})", count,
                        bank.size(), folder);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto named = std::find(router.experts.begin(), router.experts.end(), bank[i].name());
    if (named != router.experts.end() && named - router.experts.begin() != i) {
      throw_<ConfigError>("adapter `{}` must be number {} as in the router, but is number {} ({})",
                          bank[i].name(), named - router.experts.begin(), i, folder);
    }
  }
  return std::make_unique<experts::RouterGate>(std::move(router.gate));
}

}  // namespace

void check_ties(const std::string& gate) {
  if (ties_numbers(gate).rank && gate.starts_with("ties_factors:")) {
    throw_<ConfigError>("the gate ties_factors:DENSITY must have no rank, but is `{}` instead", gate);
  }
}

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

Mixture make_mixture(const std::string& gate, std::shared_ptr<experts::ExpertBank> bank,
                     const model::LlamaConfig& model) {
  const std::string usual = bank->size() == 1 ? "one-hot:0" : "average";
  const std::string spec = gate.empty() ? usual : gate;
  if (spec.starts_with("ties:") || spec.starts_with("ties_factors:")) {
    return alone(ties(spec, *bank, model));
  }
  std::unique_ptr<experts::Gate> chosen;
  if (spec == "average") {
    chosen = std::make_unique<experts::FixedGate>(experts::FixedGate::average(bank->size()));
  } else if (spec.starts_with("one-hot:")) {
    chosen = one_hot_gate(spec, bank->size());
  } else {
    chosen = router_gate(spec, *bank, model);
  }
  return {std::move(bank), std::move(chosen)};
}

}  // namespace routedk::workflow
