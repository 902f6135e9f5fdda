/// A GGUF's tokenizer and chat template as the files of a model folder.
#pragma once

#include "routedk/io/gguf.h"

#include <filesystem>

namespace routedk::text {

/// Writes tokenizer.json (byte-level BPE) or tokenizer.model (sentencepiece), and tokenizer_config.json with
/// the special tokens and any chat template, to `folder`: both Vocabulary::load and Hugging Face's libraries
/// read the same ids from them. FileError when the GGUF's tokenizer is not supported.
void export_tokenizer(const io::GgufFile& file, const std::filesystem::path& folder);

}  // namespace routedk::text
