/// The tokenizer for a folder made from a GGUF.
#pragma once

#include "routedk/text/tokenizer_export.h"

#include <filesystem>
#include <functional>

#include <spdlog/spdlog.h>

namespace routedk::workflow {

/// A function that writes the tokenizer and chat template of a GGUF into a folder, or logs that it has none;
/// empty for a model folder, whose files are copied.
inline std::function<void(const std::filesystem::path&)> tokenizer_of(const std::filesystem::path& model) {
  if (std::filesystem::is_directory(model)) {
    return {};
  }
  return [model](const std::filesystem::path& folder) {
    const io::GgufFile file = io::GgufFile::open(model);
    if (file.has("tokenizer.ggml.model")) {
      text::export_tokenizer(file, folder);
    } else {
      spdlog::warn("{} has no tokenizer (`tokenizer.ggml.model`): the new folder has none either",
                   model.string());
    }
  };
}

}  // namespace routedk::workflow
