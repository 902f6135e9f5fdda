#include "routedk/core/error.h"
#include "routedk/text/vocabulary.h"

#include <cmath>
#include <limits>

#include "sentence_piece.h"
#include "sentence_piece_model.h"
#include "vocabulary_ends.h"

namespace routedk::text {
namespace {

TokenId id_from(const io::GgufFile& file, const std::string& key, const Vocabulary& vocabulary) {
  const std::int64_t id = file.integer(key);
  if (id < 0 || id >= static_cast<std::int64_t>(vocabulary.tokens.size())) {
    throw_<FileError>("`{}` must be a token below {}, but is {} ({}).", key, vocabulary.tokens.size(), id,
                      vocabulary.source);
  }
  return static_cast<TokenId>(id);
}

void require_one_each(const std::string& key, std::size_t entries, const Vocabulary& vocabulary) {
  if (entries != vocabulary.tokens.size()) {
    throw_<FileError>("`{}` must have one entry for each of {} tokens, but has {} ({}).", key,
                      vocabulary.tokens.size(), entries, vocabulary.source);
  }
}

std::vector<TokenType> types_from(const io::GgufFile& file, const Vocabulary& vocabulary) {
  const std::string key = "tokenizer.ggml.token_type";
  const std::vector<std::int64_t>& numbers = file.integers(key);
  require_one_each(key, numbers.size(), vocabulary);
  std::vector<TokenType> types;
  types.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    if (number < static_cast<std::int64_t>(TokenType::kNormal) ||
        number > static_cast<std::int64_t>(TokenType::kByte)) {
      throw_<FileError>("`{}` must hold types from 1 to 6, but has {} ({}).", key, number, vocabulary.source);
    }
    types.push_back(static_cast<TokenType>(number));
  }
  return types;
}

std::shared_ptr<const SentencePiece> sentencepiece_from(const io::GgufFile& file,
                                                        const Vocabulary& vocabulary) {
  const std::string key = "tokenizer.ggml.scores";
  const std::vector<double>& scores = file.reals(key);
  require_one_each(key, scores.size(), vocabulary);
  for (const double score : scores) {
    if (!(std::abs(score) <= std::numeric_limits<float>::max())) {
      throw_<FileError>("`{}` must be finite 32-bit numbers, but one is {} ({}).", key, score,
                        vocabulary.source);
    }
  }
  const std::string blank_key = "tokenizer.ggml.add_space_prefix";
  const bool add_blank = !file.has(blank_key) || file.boolean(blank_key);
  return std::make_shared<const SentencePiece>(sentencepiece_model(vocabulary, scores, add_blank),
                                               vocabulary.source);
}

/// Reads how text is encoded.
void read_model(const io::GgufFile& file, Vocabulary& vocabulary) {
  const std::string& model = file.text("tokenizer.ggml.model");
  if (model == "gpt2") {
    vocabulary.pre = file.text("tokenizer.ggml.pre");
    vocabulary.merges = file.texts("tokenizer.ggml.merges");
  } else if (model == "llama") {
    vocabulary.sentencepiece = sentencepiece_from(file, vocabulary);
  } else {
    throw_<FileError>(
        "`tokenizer.ggml.model` must be `gpt2` (byte-level BPE) or `llama` (sentencepiece), but is `{}` "
        "({}).",
        model, vocabulary.source);
  }
}

}  // namespace

Vocabulary Vocabulary::from_gguf(const io::GgufFile& file) {
  Vocabulary vocabulary;
  vocabulary.source = file.file().path().string();
  vocabulary.tokens = file.texts("tokenizer.ggml.tokens");
  if (vocabulary.tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    throw_<FileError>("`tokenizer.ggml.tokens` must fit 32-bit ids, but has {} entries ({}).",
                      vocabulary.tokens.size(), vocabulary.source);
  }
  vocabulary.types = types_from(file, vocabulary);
  read_model(file, vocabulary);
  vocabulary.bos = id_from(file, "tokenizer.ggml.bos_token_id", vocabulary);
  vocabulary.eos = id_from(file, "tokenizer.ggml.eos_token_id", vocabulary);
  const std::string pad_key = "tokenizer.ggml.padding_token_id";
  for (const char* name : {"eos", "eot", "eom"}) {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
    if (file.has(key)) {
      add_end(id_from(file, key, vocabulary), vocabulary);
    }
  }
  vocabulary.pad = file.has(pad_key) ? id_from(file, pad_key, vocabulary) : vocabulary.eos;
  return vocabulary;
}

}  // namespace routedk::text
