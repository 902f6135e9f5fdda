/// `routedk-inspect logits`: token ids in, the model's logits and the gate's weights out.
#pragma once

#include "routedk/model/load_options.h"

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace routedk::workflow {

struct LogitsOptions {
  std::filesystem::path model;  ///< a GGUF file or a Hugging Face folder; needs no tokenizer
  model::Quant quant = model::Quant::kNone;
  model::ComputeType dtype = model::ComputeType::kFloat32;
  std::string device = "auto";                  ///< auto | cpu | cuda[:N]
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders, one per expert
  /// A gate (experts/gate_spec.h) that needs no run, or a router's folder, whose experts are in the adapters'
  /// order. Empty: one-hot:0 for one adapter, average for several. If experts are merged, alpha is that of
  /// the merged expert, 1.
  std::string gate;
  std::filesystem::path full;  ///< where to write `logits.<i>` [T,V] F32 of each line i, from 0; may be empty
};

/// Input: JSONL {"ids": [...], "prompt_length": n} (n: how many ids gates look at; default: all). Output: one
/// line for each, {"top": [[id, logit] x 10], "alpha": [[...] per layer]} at the last position, alpha empty
/// without adapters. ConfigError for options; DataError and FileError with the line of `in` for input.
void logits(const LogitsOptions& options, std::istream& in, std::ostream& out);

}  // namespace routedk::workflow
