/// `routedk-inspect export`: experts for other programs.
#pragma once

#include "routedk/experts/gate_spec.h"
#include "routedk/experts/gguf_lora.h"
#include "routedk/workflow/predict/predict.h"

#include <filesystem>
#include <ostream>
#include <vector>

namespace routedk::workflow {

struct ExportOptions {
  /// The experts of a run or of the adapters, and their backbone's shape. `gate`: a fixed mix of them, as
  /// `--gate` of routedk-predict.
  ModelChoice choice;
  std::vector<double> weights;   ///< a fixed mix instead of the gate's: one weight per expert
  std::filesystem::path output;  ///< a new folder, or a new file for a mix
  experts::FactorType dtype = experts::FactorType::kF16;
  bool json = false;  ///< one JSON object instead of a table
};

/// Writes each expert as <name>.gguf into the folder or, with a gate or weights, their mix as one file, as
/// LoRAs that llama.cpp loads (experts/gguf_lora.h), and prints their contents. JSON: {"model", "mix" (null:
/// separate experts), "experts": [...], "dtype", "files": [{"path", "linears", "rank", "bytes"}]}.
/// ConfigError if there are no experts, if an output exists already, and for a gate that depends on its
/// input: dynamic routing does not survive export. FileError as load_peft and load_router.
void export_gguf(const ExportOptions& options, std::ostream& out);

/// Whether such a gate is the same mix for every input, for any experts.
bool is_fixed_mix(experts::GateKind kind) noexcept;

}  // namespace routedk::workflow
