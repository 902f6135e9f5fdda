/// `routedk-inspect model`: what a model's file or folder holds.
#pragma once

#include <filesystem>
#include <ostream>

namespace routedk::workflow {

struct InspectModelOptions {
  std::filesystem::path model;  ///< a GGUF file or a Hugging Face folder
  bool json = false;            ///< one JSON object instead of a table
};

/// The shape of the model, its size and types, and each parameter with type, shape, bytes and Euclidean norm
/// (of the decoded values). JSON: {"model", "config", "parameters", "bytes", "types": {type: {"tensors",
/// "bytes"}}, "tensors": [{"name", "type", "shape", "bytes", "norm"}]}. FileError as when loading.
void inspect_model(const InspectModelOptions& options, std::ostream& out);

}  // namespace routedk::workflow
