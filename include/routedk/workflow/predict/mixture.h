/// Experts from adapter folders, and how a command line's `--gate` mixes them.
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Experts named after their folders, in order, not frozen. FileError and ConfigError as load_peft and
/// ExpertBank.
std::shared_ptr<experts::ExpertBank> load_bank(const std::vector<std::filesystem::path>& folders,
                                               const model::LlamaConfig& model);

struct Mixture {
  std::shared_ptr<experts::ExpertBank> bank;
  std::unique_ptr<experts::Gate> gate;
};

/// ConfigError unless `ties:DENSITY[:RANK]` or `ties_factors:DENSITY` has numbers that can be.
void check_ties(const std::string& gate);

/// average | one-hot:I | ties:DENSITY[:RANK] | ties_factors:DENSITY (then the bank is the merged expert
/// alone) | the folder of a router or static gate. Empty: one-hot:0 with one expert, average with several.
/// ConfigError names the gate.
Mixture make_mixture(const std::string& gate, std::shared_ptr<experts::ExpertBank> bank,
                     const model::LlamaConfig& model);

}  // namespace routedk::workflow
