/// What a tokenizer is made of, as the files that people bring hold it.
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

/// The program whose ids are meant, where programs differ: llama.cpp looks for the longest fixed spelling in
/// the whole text first and keeps the neighbours of a byte without a token apart; Hugging Face's tokenizers
/// takes the leftmost spelling, of those the longest, and lets such neighbours merge.
enum class Dialect { kLlamaCpp, kHuggingFace };

struct Vocabulary {
  std::vector<std::string>
      tokens;                    ///< spelled in the byte alphabet, except for control and user-defined ones
  std::vector<TokenType> types;  ///< of each token
  std::vector<std::string> merges;  ///< "left right", lowest rank first
  bool merge_by_id = false;  ///< tiktoken: without `merges`; what makes the token of lowest id comes first
  std::string pre;           ///< name of the split (text/pre_split.h), or empty:
  std::vector<std::string> patterns;  ///< the split's expressions, in PCRE2's syntax
  bool whole_pieces = false;  ///< with `patterns`: a piece that is itself a token becomes it without merging
  Dialect dialect = Dialect::kLlamaCpp;
  std::shared_ptr<const SentencePiece> sentencepiece;  ///< encodes instead of all the above
  bool blank_after_special = true;  ///< sentencepiece puts a blank before text after a special token, too
  bool blank_before_blank = true;   ///< and before a text that begins with one
  TokenId bos = kNoToken;           ///< kNoToken where the files name none; so are eos and pad
  TokenId eos = kNoToken;
  TokenId pad = kNoToken;
  std::vector<TokenId> ends;  ///< every token that the files say ends an answer, without repetition
  std::int64_t rows = 0;      ///< of the model's embedding, where config.json says; 0: as many as tokens
  std::string source;         ///< names the file in errors

  /// From `tokenizer.ggml.*`: model is "gpt2" (byte-level BPE) or "llama" (sentencepiece's pieces and
  /// scores); without a padding token pad = eos. `ends`: eos, end of turn and end of message. FileError names
  /// the key.
  static Vocabulary from_gguf(const io::GgufFile& file);
  /// Hugging Face's tokenizer.json with byte-level BPE, or with byte_fallback, whose merges are those of a
  /// sentencepiece model (Llama 2, TinyLlama). Anything else, and what would change its ids (normalizers,
  /// other pre-tokenizers, dropout, ...), is a FileError that names the field. Truncation,
  /// padding and the post-processor are not applied; a template's first special token becomes bos.
  static Vocabulary from_json(const std::filesystem::path& path);
  /// Llama 3's tokenizer.model: a base64 token and its rank on each line, then 256 special tokens under
  /// Llama 3.1's names. FileError names the line. `ranks` is the number of lines that the file must have.
  static Vocabulary from_tiktoken(const std::filesystem::path& path, std::size_t ranks = kLlama3Ranks);
  /// A sentencepiece model (Llama 2, TinyLlama); FileError says what the library finds wrong.
  static Vocabulary from_sentencepiece(const std::filesystem::path& path);
  /// Any of these, told apart by content: a GGUF file, a tokenizer.json, a tokenizer.model of either kind, or
  /// a model folder. There tokenizer.json is read, unless it is of no kind that from_json knows and
  /// tokenizer.model stands beside it; as transformers 5 has it, a LlamaTokenizer puts a blank before text
  /// after a special token where tokenizer_config.json's `legacy` is true; bos_token, eos_token and pad_token
  /// come from tokenizer_config.json, `ends` from these and from the eos_token_id of generation_config.json
  /// and config.json, one or a list, `rows` from config.json's vocab_size. FileError says what is wrong, also
  /// where the model has fewer rows than there are tokens.
  static Vocabulary load(const std::filesystem::path& path);

  static constexpr std::size_t kLlama3Ranks = 128'000;
};

}  // namespace routedk::text
