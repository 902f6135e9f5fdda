#include "routedk/text/tokenizer.h"

#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"
#include "routedk/text/byte_pairs.h"
#include "routedk/text/pre_split.h"
#include "routedk/text/utf8.h"

#include <algorithm>
#include <optional>

#include "sentence_piece.h"
#include "spelled_tokens.h"

namespace routedk::text {
namespace {

std::shared_ptr<const PreSplit> make_split(const Vocabulary& vocabulary) {
  if (vocabulary.pre.empty() && !vocabulary.patterns.empty()) {
    return PreSplit::compile(vocabulary.patterns, vocabulary.whole_pieces, vocabulary.source);
  }
  auto split = PreSplit::find(vocabulary.pre);
  if (split == nullptr) {
    throw_<FileError>("`tokenizer.ggml.pre` must be one of {}, but is `{}` ({}).", PreSplit::names(),
                      vocabulary.pre, vocabulary.source);
  }
  return split;
}

/// The text that `decode` gives for a token that is not spelled out.
std::string text_of(const Vocabulary& vocabulary, std::size_t id) {
  if (vocabulary.sentencepiece != nullptr) {
    return vocabulary.sentencepiece->text_of(static_cast<TokenId>(id));
  }
  const TokenType type = vocabulary.types[id];
  const std::string& spelling = vocabulary.tokens[id];
  return is_special(type) ? "" : type == TokenType::kUserDefined ? spelling : bytes_of_spelling(spelling);
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary parts);

  std::vector<TokenId> encode(std::string_view text, const SpelledTokens& spelled, Place place) const;
  void encode_text(std::string_view text, Place place, std::vector<TokenId>& ids) const;
  void encode_pieces(std::string_view text, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary;           ///< without merges, which are in `pairs`
  std::vector<std::string> texts;  ///< of each token
  SpelledTokens user_defined;
  SpelledTokens all_spelled;
  std::optional<BytePairs> pairs;  ///< like `split`, not set for sentencepiece
  std::shared_ptr<const PreSplit> split;
};

Tokenizer::Impl::Impl(Vocabulary parts)
    : vocabulary(std::move(parts)), user_defined(vocabulary, false), all_spelled(vocabulary, true) {
  if (vocabulary.sentencepiece == nullptr) {
    split = make_split(vocabulary);
    pairs.emplace(vocabulary);
    std::vector<std::string>().swap(vocabulary.merges);
  }
  texts.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    texts.push_back(text_of(vocabulary, id));
  }
}

Tokenizer::Tokenizer(Vocabulary vocabulary) {
  if (vocabulary.types.size() != vocabulary.tokens.size()) {
    throw_<FileError>("Each of {} tokens must have a type, but there are {} types ({}).",
                      vocabulary.tokens.size(), vocabulary.types.size(), vocabulary.source);
  }
  impl_ = std::make_shared<const Impl>(std::move(vocabulary));
}

Tokenizer Tokenizer::from_gguf(const io::GgufFile& file) {
  return Tokenizer(Vocabulary::from_gguf(file));
}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(Vocabulary::load(path));
}

std::vector<TokenId> Tokenizer::Impl::encode(std::string_view text, const SpelledTokens& spelled,
                                             Place place) const {
  std::vector<TokenId> ids;
  for (const Fragment& fragment : spelled.cut(text)) {
    if (fragment.token >= 0) {
      ids.push_back(fragment.token);
      place = Place::kAfterSpecial;
    } else if (!fragment.text.empty()) {
      encode_text(fragment.text, place, ids);
    }
  }
  return ids;
}

void Tokenizer::Impl::encode_text(std::string_view text, Place place, std::vector<TokenId>& ids) const {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  if (vocabulary.sentencepiece != nullptr) {
    const bool begins_with_blank = text.starts_with(' ') || text.starts_with("\u2581");
    const bool starts =
        (place == Place::kStart || (place == Place::kAfterSpecial && vocabulary.blank_after_special)) &&
        (vocabulary.blank_before_blank || !begins_with_blank);
    vocabulary.sentencepiece->encode(text, starts, ids);
  } else {
    encode_pieces(text, ids);
  }
}

void Tokenizer::Impl::encode_pieces(std::string_view text, std::vector<TokenId>& ids) const {
  for (const std::string_view piece : split->split(text)) {
    const TokenId whole = split->whole_pieces() ? pairs->token_of_bytes(piece) : kNoToken;
    if (whole >= 0) {
      ids.push_back(whole);
    } else {
      pairs->encode(piece, ids);
    }
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, Place place) const {
  return impl_->encode(text, impl_->user_defined, place);
}

std::vector<TokenId> Tokenizer::encode_with_special(std::string_view text) const {
  return impl_->encode(text, impl_->all_spelled, Place::kStart);
}

std::string Tokenizer::broken(std::string_view text, std::string_view mark) const {
  return impl_->all_spelled.broken(text, mark);
}

std::vector<Fragment> Tokenizer::cut(std::string_view text) const {
  return impl_->all_spelled.cut(text);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool with_special) const {
  std::string text;
  bool at_start = true;
  for (const TokenId id : ids) {
    append(id, with_special, at_start, text);
  }
  return text;
}

void Tokenizer::append(TokenId id, bool with_special, bool& at_start, std::string& text) const {
  const std::int64_t rows = std::max(vocab_size(), impl_->vocabulary.rows);
  if (id < 0 || id >= rows) {
    throw_<DataError>("A token id must be from 0 to {}, but is {}.", rows - 1, id);
  }
  if (id >= vocab_size()) {
    return;  // a row that pads the embedding
  }
  const auto index = static_cast<std::size_t>(id);
  const bool spelled_out = with_special && is_special(impl_->vocabulary.types[index]);
  std::string_view added = spelled_out ? impl_->vocabulary.tokens[index] : impl_->texts[index];
  if (const auto& sentencepiece = impl_->vocabulary.sentencepiece; sentencepiece != nullptr && at_start) {
    const bool drops = sentencepiece->drops_blank(id);
    added.remove_prefix(drops ? 1 : 0);
    at_start = added.empty() && (!drops || sentencepiece->drops_all_blanks());
  }
  text += added;
}

std::int64_t Tokenizer::vocab_size() const noexcept {
  return static_cast<std::int64_t>(impl_->vocabulary.tokens.size());
}
TokenId Tokenizer::bos() const noexcept {
  return impl_->vocabulary.bos;
}
TokenId Tokenizer::eos() const noexcept {
  return impl_->vocabulary.eos;
}
TokenId Tokenizer::pad() const noexcept {
  return impl_->vocabulary.pad;
}

const std::vector<TokenId>& Tokenizer::ends() const noexcept {
  return impl_->vocabulary.ends;
}

TokenId Tokenizer::special(std::string_view spelling) const {
  const TokenId id = impl_->all_spelled.token(spelling);
  if (id == kNoToken) {
    throw_<ConfigError>("`{}` must be a special token of the model, but is not ({}).", spelling,
                        impl_->vocabulary.source);
  }
  return id;
}

}  // namespace routedk::text
