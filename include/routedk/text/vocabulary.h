/// The parts of a tokenizer, as stored in the files of a model.
#pragma once

#include "routedk/io/gguf.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::text {

class SentencePiece;

using TokenId = std::int32_t;
constexpr TokenId kNoToken = -1;

/// GGUF's `tokenizer.ggml.token_type`.
enum class TokenType : std::int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// The program whose ids are reproduced, where programs differ: llama.cpp first finds the longest fixed
/// spelling in the whole text, and does not merge the neighbours of a byte without a token; Hugging Face's
/// tokenizers take the leftmost spelling, the longest among several, and may merge such neighbours.
enum class Dialect { kLlamaCpp, kHuggingFace };

struct Vocabulary {
  std::vector<std::string>
      tokens;                    ///< spelled in the byte alphabet, except for control and user-defined ones
  std::vector<TokenType> types;  ///< of each token
  std::vector<std::string> merges;  ///< "left right", lowest rank first
  bool merge_by_id = false;         ///< tiktoken: no `merges`; the pair that makes the lowest id merges first
  std::string pre;                  ///< name of the split (text/pre_split.h); empty: see patterns
  std::vector<std::string> patterns;  ///< the split's expressions, in PCRE2's syntax
  bool whole_pieces = false;          ///< with `patterns`: a piece that is itself a token is not merged
  Dialect dialect = Dialect::kLlamaCpp;
  std::shared_ptr<const SentencePiece> sentencepiece;  ///< encodes instead of everything above
  bool blank_after_special = true;  ///< sentencepiece also puts a space before text after a special token
  bool blank_before_blank = true;   ///< and before a text that begins with a space
  TokenId bos = kNoToken;           ///< kNoToken if the files name none; likewise eos and pad
  TokenId eos = kNoToken;
  TokenId pad = kNoToken;
  std::vector<TokenId> ends;  ///< every token that ends an answer according to the files, without duplicates
  std::int64_t rows = 0;      ///< of the model's embedding, if config.json states it; 0: as many as tokens
  std::string source;         ///< names the file in errors

  /// From `tokenizer.ggml.*`: model is "gpt2" (byte-level BPE) or "llama" (sentencepiece's pieces and
  /// scores); without a padding token pad = eos. `ends`: eos, end of turn and end of message. FileError names
  /// the key.
  static Vocabulary from_gguf(const io::GgufFile& file);
  /// Hugging Face's tokenizer.json with byte-level BPE, or with byte_fallback and the merges of a
  /// sentencepiece model (Llama 2, TinyLlama). Anything else that would change the ids (normalizers, other
  /// pre-tokenizers, dropout, ...) is a FileError that names the field. Truncation, padding and the
  /// post-processor are not applied; a template's first special token becomes bos.
  static Vocabulary from_json(const std::filesystem::path& path);
  /// Llama 3's tokenizer.model: a base64 token and its rank per line, then 256 special tokens with Llama
  /// 3.1's names. FileError names the line. `ranks` is the required number of lines.
  static Vocabulary from_tiktoken(const std::filesystem::path& path, std::size_t ranks = kLlama3Ranks);
  /// A sentencepiece model (Llama 2, TinyLlama); FileError with the library's reason.
  static Vocabulary from_sentencepiece(const std::filesystem::path& path);
  /// Any of these, recognised by content: a GGUF file, a tokenizer.json, a tokenizer.model of either kind, or
  /// a model folder. In a folder, tokenizer.json is read, unless from_json does not support its kind and
  /// there is a tokenizer.model. As in transformers 5, a LlamaTokenizer puts a space before text after a
  /// special token if tokenizer_config.json's `legacy` is true. bos_token, eos_token and pad_token come from
  /// tokenizer_config.json, `ends` from these and from the eos_token_id of generation_config.json and
  /// config.json, one or a list, `rows` from config.json's vocab_size. FileError gives the reason, also when
  /// the model has fewer rows than tokens.
  static Vocabulary load(const std::filesystem::path& path);

  static constexpr std::size_t kLlama3Ranks = 128'000;
};

}  // namespace routedk::text
