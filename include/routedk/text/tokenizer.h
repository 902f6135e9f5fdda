/// Text <-> token ids.
#pragma once

#include "routedk/io/gguf.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

using TokenId = std::int32_t;

/// GGUF's `tokenizer.ggml.token_type`.
enum class TokenType : std::int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// What a byte-level BPE tokenizer is made of.
struct Vocabulary {
  std::vector<std::string> tokens;  ///< spelled in the byte alphabet, but for control and user-defined ones
  std::vector<TokenType> types;     ///< of each token
  std::vector<std::string> merges;  ///< "left right", lowest rank first
  std::string pre;                  ///< name of the split (text/pre_split.h)
  TokenId bos = 0;
  TokenId eos = 0;
  TokenId pad = 0;
  std::string source;  ///< names the file in errors

  /// From `tokenizer.ggml.*`: model must be "gpt2"; without a padding token pad = eos. FileError names the
  /// key.
  static Vocabulary from_gguf(const io::GgufFile& file);
};

/// Byte-level BPE with the ids of llama.cpp. Immutable, safe to share between threads; copies are cheap.
/// Any bytes can be encoded: where they are not UTF-8, each stray byte is read as U+FFFD (text/utf8.h).
class Tokenizer {
 public:
  /// Checks the parts against each other; FileError names the rule that is broken.
  explicit Tokenizer(Vocabulary vocabulary);
  /// From `tokenizer.ggml.*` metadata; FileError names what is missing or unknown (`tokenizer.ggml.pre`).
  static Tokenizer from_gguf(const io::GgufFile& file);

  /// Plain text: a spelled-out special token stays text (user-defined tokens, which are ordinary words with a
  /// fixed spelling, don't count as special). Bytes without a token are dropped. No BOS is added.
  std::vector<TokenId> encode(std::string_view text) const;
  /// As encode, but spellings of special tokens become those tokens: the longest spelling first, each
  /// wherever it occurs from left to right.
  std::vector<TokenId> encode_with_special(std::string_view text) const;
  /// The bytes of the tokens, one after another; special tokens are spelled out only when asked. DataError
  /// when an id is outside the vocabulary.
  std::string decode(std::span<const TokenId> ids, bool with_special = false) const;

  std::int64_t vocab_size() const noexcept;
  TokenId bos() const noexcept;
  TokenId eos() const noexcept;
  TokenId pad() const noexcept;
  /// The id of a special token's spelling; ConfigError when there is none.
  TokenId special(std::string_view spelling) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace routedk::text
