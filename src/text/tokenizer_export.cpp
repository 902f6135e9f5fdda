#include "routedk/text/tokenizer_export.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "sentence_piece_model.h"
#include "spelled_tokens.h"
#include <nlohmann/json.hpp>

namespace routedk::text {
namespace {

using nlohmann::json;  // sorted: a vocabulary has many keys

/// The splits in Hugging Face's own files.
constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json split(const char* expression) {
  return {
      {"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}, {"invert", false}};
}

json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json digits(bool individual) {
  return {{"type", "Digits"}, {"individual_digits", individual}};
}

json sequence(const json& steps) {
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

/// What llama.cpp does for the name in `tokenizer.ggml.pre`.
json pre_tokenizer_json(const Vocabulary& vocabulary) {
  if (vocabulary.pre == "smollm") {
    return sequence({digits(true), byte_level(true)});
  }
  if (vocabulary.pre == "llama-bpe") {
    return sequence({split(kLlama3), byte_level(false)});
  }
  if (vocabulary.pre == "gpt-2") {
    return byte_level(true);
  }
  throw_<FileError>(
      "`tokenizer.ggml.pre` must be smollm, llama-bpe or gpt-2 for its tokenizer to be written as JSON, but "
      "is `{}` "
      "({}).",
      vocabulary.pre, vocabulary.source);
}

json added_tokens(const Vocabulary& vocabulary) {
  json added = json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (is_special(type) || type == TokenType::kUserDefined) {
      added.push_back({{"id", id},
                       {"content", vocabulary.tokens[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", is_special(type)}});
    }
  }
  return added;
}

json bpe_json(const Vocabulary& vocabulary) {
  json vocab = json::object();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!vocab.emplace(vocabulary.tokens[id], id).second) {
      throw_<FileError>(
          "`tokenizer.ggml.tokens` must differ to be written as JSON, but `{}` occurs twice ({}).",
          vocabulary.tokens[id], vocabulary.source);
    }
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added_tokens(vocabulary)},
          {"normalizer", nullptr},
          {"pre_tokenizer", pre_tokenizer_json(vocabulary)},
          {"post_processor", nullptr},
          {"decoder", byte_level(true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", vocabulary.pre == "llama-bpe"},
            {"vocab", std::move(vocab)},
            {"merges", vocabulary.merges}}}};
}

json config_json(const io::GgufFile& file, const Vocabulary& vocabulary) {
  const bool pieces = vocabulary.sentencepiece != nullptr;
  json config = {{"tokenizer_class", pieces ? "LlamaTokenizer" : "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false}};
  if (pieces) {
    config["legacy"] = vocabulary.blank_after_special;  // transformers' name for it
  }
  const std::array<std::pair<const char*, TokenId>, 3> specials{
      {{"bos_token", vocabulary.bos}, {"eos_token", vocabulary.eos}, {"pad_token", vocabulary.pad}}};
  for (const auto& [name, id] : specials) {
    if (id != kNoToken) {
      config[name] = vocabulary.tokens[static_cast<std::size_t>(id)];
    }
  }
  if (file.has("tokenizer.chat_template")) {
    config["chat_template"] = file.text("tokenizer.chat_template");
  }
  if (file.has("llama.context_length")) {
    config["model_max_length"] = file.integer("llama.context_length");
  }
  return config;
}

std::string text_of_json(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

void export_tokenizer(const io::GgufFile& file, const std::filesystem::path& folder) {
  const Vocabulary vocabulary = Vocabulary::from_gguf(file);
  if (vocabulary.sentencepiece != nullptr) {
    const std::string key = "tokenizer.ggml.add_space_prefix";
    write_file_atomic(folder / "tokenizer.model",
                      sentencepiece_model(vocabulary, file.reals("tokenizer.ggml.scores"),
                                          !file.has(key) || file.boolean(key)));
  } else {
    write_file_atomic(folder / "tokenizer.json", text_of_json(bpe_json(vocabulary), -1));
  }
  write_file_atomic(folder / "tokenizer_config.json", text_of_json(config_json(file, vocabulary), 2));
}

}  // namespace routedk::text
