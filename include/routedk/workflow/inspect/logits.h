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
  std::filesystem::path model;  ///< a GGUF file or a Hugging Face folder, its tokenizer not needed
  model::Quant quant = model::Quant::kNone;
  model::ComputeType dtype = model::ComputeType::kFloat32;
  std::string device = "auto";                  ///< auto | cpu | cuda[:N]
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders, one an expert
  /// A gate (experts/gate_spec.h) that needs no run, or the folder of a router, whose experts stand in the
  /// adapters' order. Empty: one-hot:0 with one adapter, average with several. Where experts are merged,
  /// alpha is that of the merged expert, 1.
  std::string gate;
  std::filesystem::path full;  ///< where to write `logits.<i>` [T,V] F32 of every line i from 0; may be empty
};

/// JSONL {"ids": [...], "prompt_length": n} in (n: how many ids gates look at, all by default); out one line
/// for each: {"top": [[id, logit] x 10], "alpha": [[...] per layer]} of the last position, alpha empty
/// without adapters. ConfigError for options, DataError and FileError with the line of `in` for input.
void logits(const LogitsOptions& options, std::istream& in, std::ostream& out);

}  // namespace routedk::workflow
