/// `routedk-inspect tokenize`: texts in, token ids out.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>

namespace routedk::workflow {

struct TokenizeOptions {
  std::filesystem::path model;  ///< a GGUF file, a model folder, a tokenizer.json or a tokenizer.model
  bool special = false;         ///< spellings of special tokens become those tokens
};

/// JSONL {"text": ...} in, {"ids": [...]} out, one line for each. FileError and DataError name the line of
/// `in`.
void tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out);

}  // namespace routedk::workflow
