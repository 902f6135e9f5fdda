#include "routedk/core/error.h"
#include "routedk/text/vocabulary.h"

#include <limits>

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

std::vector<TokenType> types_from(const io::GgufFile& file, const Vocabulary& vocabulary) {
  const std::string key = "tokenizer.ggml.token_type";
  const std::vector<std::int64_t>& numbers = file.integers(key);
  if (numbers.size() != vocabulary.tokens.size()) {
    throw_<FileError>("`{}` must have one entry for each of {} tokens, but has {} ({}).", key,
                      vocabulary.tokens.size(), numbers.size(), vocabulary.source);
  }
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

}  // namespace

Vocabulary Vocabulary::from_gguf(const io::GgufFile& file) {
  Vocabulary vocabulary;
  vocabulary.source = file.file().path().string();
  if (const std::string& model = file.text("tokenizer.ggml.model"); model != "gpt2") {
    throw_<FileError>("`tokenizer.ggml.model` must be `gpt2` (byte-level BPE), but is `{}` ({}).", model,
                      vocabulary.source);
  }
  vocabulary.pre = file.text("tokenizer.ggml.pre");
  vocabulary.tokens = file.texts("tokenizer.ggml.tokens");
  if (vocabulary.tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    throw_<FileError>("`tokenizer.ggml.tokens` must fit 32-bit ids, but has {} entries ({}).",
                      vocabulary.tokens.size(), vocabulary.source);
  }
  vocabulary.types = types_from(file, vocabulary);
  vocabulary.merges = file.texts("tokenizer.ggml.merges");
  vocabulary.bos = id_from(file, "tokenizer.ggml.bos_token_id", vocabulary);
  vocabulary.eos = id_from(file, "tokenizer.ggml.eos_token_id", vocabulary);
  const std::string pad_key = "tokenizer.ggml.padding_token_id";
  vocabulary.pad = file.has(pad_key) ? id_from(file, pad_key, vocabulary) : vocabulary.eos;
  return vocabulary;
}

}  // namespace routedk::text
