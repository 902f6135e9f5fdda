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

/// What an adapter's folder calls it: "adapters/base/" -> "base".
std::string folder_name(const std::filesystem::path& folder);
/// The experts' names in order.
std::vector<std::string> names_of(const experts::ExpertBank& bank);

/// ConfigError unless N of top_k, I of one-hot and NAME of ablate are valid for these experts.
void check_gate(const experts::GateSpec& spec, const std::vector<std::string>& experts);

/// A gate over the bank; `run_router` is the folder of the run's router, empty without a run. A bare name
/// that is not an expert's is a router's folder. ConfigError for a gate that merges or has no experts to
/// weight, and for a router that does not fit the bank; FileError as load_router.
std::unique_ptr<experts::Gate> make_gate(const experts::GateSpec& spec, const experts::ExpertBank& bank,
                                         const model::LlamaConfig& model,
                                         const std::filesystem::path& run_router);

struct Mixture {
  std::shared_ptr<experts::ExpertBank> bank;
  std::unique_ptr<experts::Gate> gate;
};

/// As make_gate; for gates that merge, the bank has only the merged expert.
Mixture make_mixture(const experts::GateSpec& spec, std::shared_ptr<experts::ExpertBank> bank,
                     const model::LlamaConfig& model, const std::filesystem::path& run_router);

/// The command line's `--weights`, one per adapter; if none are given, 1/K each. ConfigError for a wrong
/// number of weights or one that is not finite.
std::vector<double> chosen_weights(const std::vector<double>& given, std::size_t adapters);

/// The command line's `--gate`; if empty, the run's router, or without one one-hot:0 for one expert and
/// average for several. ConfigError as parse_gate_spec.
experts::GateSpec chosen_gate(const std::string& gate, std::int64_t experts,
                              const std::filesystem::path& run_router);

}  // namespace routedk::workflow
