/// `routedk-inspect model|adapter|router|checkpoint`: what a file or folder holds.
#pragma once

#include <filesystem>
#include <ostream>

namespace routedk::workflow {

struct InspectOptions {
  std::filesystem::path path;
  bool json = false;  ///< one JSON object instead of a table
};

/// A GGUF file or a Hugging Face folder: the shape of the model, its size and types, and each parameter with
/// type, shape, bytes and Euclidean norm (of the decoded values). JSON: {"model", "config", "parameters",
/// "bytes", "types": {type: {"tensors", "bytes"}}, "tensors": [{"name", "type", "shape", "bytes", "norm"}]}.
/// FileError as when loading.
void inspect_model(const InspectOptions& options, std::ostream& out);

/// A PEFT folder, of whatever model: its configuration and tensors, each with type, shape, bytes and
/// Euclidean norm (null where it isn't a floating type). JSON: {"path", "config", "parameters", "bytes",
/// "tensors": [{"name", "type", "shape", "bytes", "norm"}]}. FileError when a file is missing or breaks its
/// format.
void inspect_adapter(const InspectOptions& options, std::ostream& out);

/// A router's folder, likewise.
void inspect_router(const InspectOptions& options, std::ostream& out);

/// A checkpoint, or the newest of a folder of checkpoints: state.json in place of the configuration.
void inspect_checkpoint(const InspectOptions& options, std::ostream& out);

}  // namespace routedk::workflow
