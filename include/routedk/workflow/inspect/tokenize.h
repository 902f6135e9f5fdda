/// `routedk-inspect tokenize`: texts or conversations in, token ids out.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>

namespace routedk::workflow {

struct TokenizeOptions {
  std::filesystem::path model;  ///< a GGUF file, a model folder, a tokenizer.json or a tokenizer.model
  std::string chat;             ///< the chat template, as `model.chat`; empty: the model's own
  bool special = false;         ///< parse the spellings of special tokens as those tokens
};

/// Input: JSONL {"text": ...} or {"messages": [{"role", "content"}, ...]}. Output: {"ids": [...]}, one line
/// for each; for messages, the ids end with the opening of the assistant's turn unless
/// "add_generation_prompt" is false. FileError and DataError name the line of `in`; ConfigError describes the
/// problem with the template.
void tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out);

}  // namespace routedk::workflow
