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

/// A stretch of a text: text still to be encoded, or one token found by its spelling.
struct Fragment {
  std::string_view text;
  TokenId token = kNoToken;
};

/// Where a text stands. Sentencepiece puts a blank before a text at the start; byte-level BPE makes no
/// difference.
enum class Place {
  kStart,         ///< nothing comes before it
  kAfterSpecial,  ///< a special token does: a start for llama.cpp and transformers' legacy, not for others
  kInside,        ///< other text does
};

/// Byte-level BPE with the ids of llama.cpp, tiktoken or Hugging Face's tokenizers, whosever file it is, or
/// sentencepiece. Immutable, safe to share between threads; copies are cheap.
/// Any bytes can be encoded: where they are not UTF-8, each stray byte is read as U+FFFD (text/utf8.h).
class Tokenizer {
 public:
  /// Checks the parts against each other; FileError names the rule that is broken.
  explicit Tokenizer(Vocabulary vocabulary);
  /// From `tokenizer.ggml.*` metadata; FileError names what is missing or unknown (`tokenizer.ggml.pre`).
  static Tokenizer from_gguf(const io::GgufFile& file);
  /// From a GGUF file, a model folder, a tokenizer.json or a tokenizer.model; see Vocabulary::load.
  static Tokenizer load(const std::filesystem::path& path);

  /// Plain text: a spelled-out special token stays text (user-defined tokens, which are ordinary words with a
  /// fixed spelling, don't count as special). Bytes without a token are dropped. No BOS is added.
  std::vector<TokenId> encode(std::string_view text, Place place = Place::kStart) const;
  /// As encode, but spellings of special tokens become those tokens, in the order of the vocabulary's
  /// dialect.
  std::vector<TokenId> encode_with_special(std::string_view text) const;
  /// The bytes of the tokens, one after another; special tokens are spelled out only when asked. An id of the
  /// rows that pad the model's embedding has no bytes; DataError when an id is outside the model.
  std::string decode(std::span<const TokenId> ids, bool with_special = false) const;
  /// Appends the bytes of one token as `decode` does. `at_start` is true before the first token, where
  /// sentencepiece drops the blank that it put before the text; it is updated for the next.
  void append(TokenId id, bool with_special, bool& at_start, std::string& text) const;

  std::int64_t vocab_size() const noexcept;
  /// kNoToken where the model's files name none; so are eos and pad.
  TokenId bos() const noexcept;
  TokenId eos() const noexcept;
  TokenId pad() const noexcept;
  /// Every token that ends an answer by the model's files; the end of turn of a chat template may be another.
  const std::vector<TokenId>& ends() const noexcept;
  /// Every special and user-defined token's spelling broken by `mark` after its first character, so that no
  /// part of the text is one; and the text cut at the spellings that are left.
  std::string broken(std::string_view text, std::string_view mark) const;
  std::vector<Fragment> cut(std::string_view text) const;
  /// The id of a special token's spelling; ConfigError when there is none.
  TokenId special(std::string_view spelling) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace routedk::text
