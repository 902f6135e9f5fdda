/// `routedk-inspect model|adapter|router|checkpoint`: the contents of a file or folder.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace routedk::workflow {

struct InspectOptions {
  std::filesystem::path path;
  bool json = false;              ///< one JSON object instead of a table
  std::filesystem::path model{};  ///< of an adapter: the model that it must fit; may be empty
};

/// A GGUF file or a Hugging Face folder: the shape of the model, its size and types, and each parameter with
/// type, shape, bytes and Euclidean norm (of the decoded values). JSON: {"model", "config", "parameters",
/// "bytes", "types": {type: {"tensors", "bytes"}}, "tensors": [{"name", "type", "shape", "bytes", "norm"}]}.
/// Throws FileError as loading does.
void inspect_model(const InspectOptions& options, std::ostream& out);

/// A PEFT folder: first whether it can be used, by the rule of loading (without `model`, except for what only
/// the model tells: its layers and shapes), otherwise why not; rank and scale of each linear; its
/// configuration and tensors, each with type, shape, bytes and Euclidean norm (null for non-floating types).
/// JSON: {"path", "usable", "problem" (null if it is), "linears": [{"linear", "rank", "scale", "layers"}],
/// "config", "parameters", "bytes", "tensors": [{"name", "type", "shape", "bytes", "norm"}]}. FileError if a
/// file is missing or malformed.
void inspect_adapter(const InspectOptions& options, std::ostream& out);

/// The same for a router's folder.
void inspect_router(const InspectOptions& options, std::ostream& out);

/// A checkpoint, or the newest in a folder of checkpoints; state.json takes the place of the configuration.
void inspect_checkpoint(const InspectOptions& options, std::ostream& out);

/// "PATH: 5 files, 103.5 MiB\n", of a file or folder that was written.
std::string written_text(const std::filesystem::path& output);

}  // namespace routedk::workflow
