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
  /// The run's experts or those of the adapters, and the shape of their backbone. `gate`: a fixed mix of
  /// them, as `--gate` of routedk-predict.
  ModelChoice choice;
  std::vector<double> weights;   ///< a fixed mix instead of the gate's: one an expert
  std::filesystem::path output;  ///< a new folder; of a mix a new file
  experts::FactorType dtype = experts::FactorType::kF16;
  bool json = false;  ///< one JSON object instead of a table
};

/// Writes each expert as <name>.gguf into the folder or, with a gate or weights, their mix as one file, as
/// LoRAs that llama.cpp loads (experts/gguf_lora.h), and prints what they hold. JSON: {"model", "mix" (null:
/// the experts apart), "experts": [...], "dtype", "files": [{"path", "linears", "rank", "bytes"}]}.
/// ConfigError where there are no experts, what is to be written is there already, and for a gate that looks
/// at its input: dynamic routing does not survive export. FileError as load_peft and load_router.
void export_gguf(const ExportOptions& options, std::ostream& out);

/// Whether such a gate is the same mix for every input, whatever its experts.
bool is_fixed_mix(experts::GateKind kind) noexcept;

}  // namespace routedk::workflow
