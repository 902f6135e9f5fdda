#include "routedk/text/tokenizer.h"

#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"
#include "routedk/text/byte_pairs.h"
#include "routedk/text/pre_split.h"
#include "routedk/text/utf8.h"

#include <algorithm>

namespace routedk::text {
namespace {

bool is_special(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

/// A stretch of the input: text still to be encoded, or one token found by its spelling.
struct Fragment {
  std::string_view text;
  TokenId token = -1;
};

/// Cuts every text fragment at each occurrence of `spelling`.
std::vector<Fragment> cut(const std::vector<Fragment>& fragments, std::string_view spelling, TokenId token) {
  std::vector<Fragment> result;
  for (const Fragment& fragment : fragments) {
    std::string_view rest = fragment.text;
    if (fragment.token < 0) {
      for (std::size_t at = rest.find(spelling); at != std::string_view::npos; at = rest.find(spelling)) {
        result.push_back({rest.substr(0, at)});
        result.push_back({rest.substr(at, spelling.size()), token});
        rest.remove_prefix(at + spelling.size());
      }
    }
    result.push_back({rest, fragment.token});
  }
  return result;
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary parts)
      : vocabulary(std::move(parts)), pairs(vocabulary.tokens, vocabulary.merges, vocabulary.source) {}

  std::vector<TokenId> encode(std::string_view text, bool with_special) const;
  void encode_plain(std::string_view text, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary;
  BytePairs pairs;
  std::shared_ptr<const PreSplit> split;
  std::vector<TokenId> spelled;  ///< control, unknown and user-defined tokens, the longest spelling first
};

Tokenizer::Tokenizer(Vocabulary vocabulary) {
  if (vocabulary.types.size() != vocabulary.tokens.size()) {
    throw_<FileError>("Each of {} tokens must have a type, but there are {} types ({}).",
                      vocabulary.tokens.size(), vocabulary.types.size(), vocabulary.source);
  }
  auto impl = std::make_shared<Impl>(std::move(vocabulary));
  const Vocabulary& parts = impl->vocabulary;
  impl->split = PreSplit::find(parts.pre);
  if (impl->split == nullptr) {
    throw_<FileError>("`tokenizer.ggml.pre` must be one of {}, but is `{}` ({}).", PreSplit::names(),
                      parts.pre, parts.source);
  }
  for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
    const bool fixed = is_special(parts.types[id]) || parts.types[id] == TokenType::kUserDefined;
    if (fixed && !parts.tokens[id].empty()) {
      impl->spelled.push_back(static_cast<TokenId>(id));
    }
  }
  const auto length = [&parts](TokenId id) { return parts.tokens[static_cast<std::size_t>(id)].size(); };
  std::stable_sort(impl->spelled.begin(), impl->spelled.end(),
                   [&length](TokenId a, TokenId b) { return length(a) > length(b); });
  impl_ = std::move(impl);
}

Tokenizer Tokenizer::from_gguf(const io::GgufFile& file) {
  return Tokenizer(Vocabulary::from_gguf(file));
}

std::vector<TokenId> Tokenizer::Impl::encode(std::string_view text, bool with_special) const {
  std::vector<Fragment> fragments = {{text}};
  for (const TokenId id : spelled) {
    const auto index = static_cast<std::size_t>(id);
    if (with_special || !is_special(vocabulary.types[index])) {
      fragments = cut(fragments, vocabulary.tokens[index], id);
    }
  }
  std::vector<TokenId> ids;
  for (const Fragment& fragment : fragments) {
    if (fragment.token >= 0) {
      ids.push_back(fragment.token);
    } else {
      encode_plain(fragment.text, ids);
    }
  }
  return ids;
}

void Tokenizer::Impl::encode_plain(std::string_view text, std::vector<TokenId>& ids) const {
  const std::string repaired = repair_utf8(text);
  for (const std::string_view piece : split->split(repaired)) {
    const TokenId whole = split->whole_pieces() ? pairs.token_of_bytes(piece) : -1;
    if (whole >= 0) {
      ids.push_back(whole);
    } else {
      pairs.encode(piece, ids);
    }
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  return impl_->encode(text, false);
}

std::vector<TokenId> Tokenizer::encode_with_special(std::string_view text) const {
  return impl_->encode(text, true);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool with_special) const {
  std::string text;
  for (const TokenId id : ids) {
    if (id < 0 || id >= vocab_size()) {
      throw_<DataError>("A token id must be from 0 to {}, but is {}.", vocab_size() - 1, id);
    }
    const std::string& spelling = impl_->vocabulary.tokens[static_cast<std::size_t>(id)];
    const TokenType type = impl_->vocabulary.types[static_cast<std::size_t>(id)];
    if (is_special(type)) {
      text += with_special ? spelling : "";
    } else {
      text += type == TokenType::kUserDefined ? spelling : bytes_of_spelling(spelling);
    }
  }
  return text;
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

TokenId Tokenizer::special(std::string_view spelling) const {
  for (const TokenId id : impl_->spelled) {
    if (impl_->vocabulary.tokens[static_cast<std::size_t>(id)] == spelling) {
      return id;
    }
  }
  throw_<ConfigError>("`{}` must be a special token of the model, but is none ({}).", spelling,
                      impl_->vocabulary.source);
}

}  // namespace routedk::text
