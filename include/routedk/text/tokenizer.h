/// Text <-> token ids.
#pragma once

#include "routedk/text/vocabulary.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// A part of a text: text still to be encoded, or one token found by its spelling.
struct Fragment {
  std::string_view text;
  TokenId token = kNoToken;
};

/// What precedes a text. Sentencepiece puts a space before a text at the start; for byte-level BPE it makes
/// no difference.
enum class Place {
  kStart,         ///< nothing
  kAfterSpecial,  ///< a special token: a start in llama.cpp and transformers' legacy mode, not in others
  kInside,        ///< other text
};

/// Byte-level BPE with the ids of llama.cpp, tiktoken or Hugging Face's tokenizers, depending on the file, or
/// sentencepiece. Immutable, safe to share between threads; copies are cheap. Any bytes can be encoded: in
/// text that is not UTF-8, each stray byte is read as U+FFFD (text/utf8.h).
class Tokenizer {
 public:
  /// Checks the parts against each other; FileError names the broken rule.
  explicit Tokenizer(Vocabulary vocabulary);
  /// From `tokenizer.ggml.*` metadata; FileError names a missing or unknown key (`tokenizer.ggml.pre`).
  static Tokenizer from_gguf(const io::GgufFile& file);
  /// From a GGUF file, a model folder, a tokenizer.json or a tokenizer.model; see Vocabulary::load.
  static Tokenizer load(const std::filesystem::path& path);

  /// Plain text: the spelling of a special token stays text (user-defined tokens, which are ordinary words
  /// with a fixed spelling, do not count as special). Bytes without a token are dropped. No BOS is added.
  std::vector<TokenId> encode(std::string_view text, Place place = Place::kStart) const;
  /// Like encode, but spellings of special tokens become those tokens, in the order of the vocabulary's
  /// dialect.
  std::vector<TokenId> encode_with_special(std::string_view text) const;
  /// The concatenated bytes of the tokens; special tokens are spelled out only if requested. The ids of rows
  /// that pad the model's embedding have no bytes; DataError when an id is outside the model.
  std::string decode(std::span<const TokenId> ids, bool with_special = false) const;
  /// Appends the bytes of one token, like `decode`. `at_start` is true before the first token, where
  /// sentencepiece drops the space that it put before the text; it is updated for the next call.
  void append(TokenId id, bool with_special, bool& at_start, std::string& text) const;

  std::int64_t vocab_size() const noexcept;
  /// kNoToken if the model's files name none; likewise eos and pad.
  TokenId bos() const noexcept;
  TokenId eos() const noexcept;
  TokenId pad() const noexcept;
  /// Every token that ends an answer according to the model's files; the end of turn of a chat template may
  /// differ.
  const std::vector<TokenId>& ends() const noexcept;
  /// The text with `mark` inserted after the first character of each spelling of a special or user-defined
  /// token, so that no part of it is such a token; `cut` splits a text at the spellings left.
  std::string broken(std::string_view text, std::string_view mark) const;
  std::vector<Fragment> cut(std::string_view text) const;
  /// The id of the special token with this spelling; ConfigError when there is none.
  TokenId special(std::string_view spelling) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace routedk::text
