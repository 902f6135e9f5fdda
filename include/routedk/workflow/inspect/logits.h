/// `routedk-inspect logits`: token ids in, the model's logits and the gate's weights out.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace routedk::workflow {

struct LogitsOptions {
  std::filesystem::path model;    ///< a GGUF file or a Hugging Face folder, its tokenizer not needed
  std::string quant = "none";     ///< the linears: none (dense) | nf4
  std::string dtype = "float32";  ///< compute type: float32 | bfloat16
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders, one an expert
  /// average | one-hot:I | ties:DENSITY[:RANK] | ties_factors:DENSITY | the folder of a router or static
  /// gate, whose experts stand in the adapters' order. Empty: one-hot:0 with one adapter, average with
  /// several. `ties` merges the deltas with weights 1, exactly unless a rank is given, `ties_factors` A and B
  /// as PEFT does (experts/ties.h); alpha is that of the merged expert then, 1.
  std::string gate;
  std::filesystem::path full;  ///< where to write `logits.<i>` [T,V] F32 of every line i from 0; may be empty
};

/// JSONL {"ids": [...], "prompt_length": n} in (n: how many ids gates look at, all by default); out one line
/// for each: {"top": [[id, logit] x 10], "alpha": [[...] per layer]} of the last position, alpha empty
/// without adapters. ConfigError for options, DataError and FileError with the line of `in` for input.
void logits(const LogitsOptions& options, std::istream& in, std::ostream& out);

}  // namespace routedk::workflow
