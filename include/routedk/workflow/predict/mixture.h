/// Experts from adapter folders and the gates over them.
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/gate_spec.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Experts named after their folders, in order, not frozen. FileError and ConfigError as load_peft and
/// ExpertBank.
std::shared_ptr<experts::ExpertBank> load_bank(const std::vector<std::filesystem::path>& folders,
                                               const model::LlamaConfig& model);

/// The experts' names in order.
std::vector<std::string> names_of(const experts::ExpertBank& bank);

/// ConfigError unless N of top_k, I of one-hot and NAME of ablate are possible with these experts.
void check_gate(const experts::GateSpec& spec, const std::vector<std::string>& experts);

/// A gate over the bank; `run_router` is the folder of the run's router, empty where there is no run. A bare
/// name that no expert has is a router's folder. ConfigError names a gate that merges or has no experts to
/// weigh, and a router that does not fit the bank; FileError as load_router.
std::unique_ptr<experts::Gate> make_gate(const experts::GateSpec& spec, const experts::ExpertBank& bank,
                                         const model::LlamaConfig& model,
                                         const std::filesystem::path& run_router);

struct Mixture {
  std::shared_ptr<experts::ExpertBank> bank;
  std::unique_ptr<experts::Gate> gate;
};

/// As make_gate; gates that merge give a bank of the merged expert alone.
Mixture make_mixture(const experts::GateSpec& spec, std::shared_ptr<experts::ExpertBank> bank,
                     const model::LlamaConfig& model, const std::filesystem::path& run_router);

/// What a command line's `--weights` says, one an adapter; nothing given: 1/K each. ConfigError for another
/// number of them, or one that is not finite.
std::vector<double> chosen_weights(const std::vector<double>& given, std::size_t adapters);

/// What a command line's `--gate` says; empty: the run's router, without a run one-hot:0 for one expert and
/// average for several. ConfigError as parse_gate_spec.
experts::GateSpec chosen_gate(const std::string& gate, std::int64_t experts,
                              const std::filesystem::path& run_router);

}  // namespace routedk::workflow
