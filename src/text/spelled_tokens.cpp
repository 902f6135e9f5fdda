#include "spelled_tokens.h"

#include "routedk/text/utf8.h"

#include <algorithm>

namespace routedk::text {
namespace {

/// Splits every text fragment at each occurrence of `spelling`.
std::vector<Fragment> cut_each(const std::vector<Fragment>& fragments, std::string_view spelling,
                               TokenId token) {
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

std::size_t first_byte(std::string_view text) {
  return static_cast<unsigned char>(text.front());
}

}  // namespace

SpelledTokens::SpelledTokens(const Vocabulary& vocabulary, bool special) : dialect_(vocabulary.dialect) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    const bool fixed = type == TokenType::kUserDefined || (special && is_special(type));
    if (fixed && !vocabulary.tokens[id].empty()) {
      spellings_.push_back({vocabulary.tokens[id], static_cast<TokenId>(id)});
    }
  }
  std::stable_sort(spellings_.begin(), spellings_.end(),
                   [](const Spelling& a, const Spelling& b) { return a.text.size() > b.text.size(); });
  for (std::size_t i = 0; i < spellings_.size(); ++i) {
    by_first_byte_.at(first_byte(spellings_[i].text)).push_back(i);
  }
}

TokenId SpelledTokens::token(std::string_view spelling) const {
  const auto found = std::find_if(spellings_.begin(), spellings_.end(),
                                  [spelling](const Spelling& one) { return one.text == spelling; });
  return found == spellings_.end() ? kNoToken : found->token;
}

std::vector<Fragment> SpelledTokens::cut(std::string_view text) const {
  if (dialect_ == Dialect::kHuggingFace && !spellings_.empty()) {
    return cut_leftmost(text);
  }
  std::vector<Fragment> fragments = {{text}};
  for (const Spelling& spelling : spellings_) {
    fragments = cut_each(fragments, spelling.text, spelling.token);
  }
  return fragments;
}

std::vector<Fragment> SpelledTokens::cut_leftmost(std::string_view text) const {
  std::vector<Fragment> fragments;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Spelling* found = longest_at(text.substr(at));
    if (found == nullptr) {
      ++at;
      continue;
    }
    fragments.push_back({text.substr(begin, at - begin)});
    fragments.push_back({text.substr(at, found->text.size()), found->token});
    at += found->text.size();
    begin = at;
  }
  fragments.push_back({text.substr(begin)});
  return fragments;
}

std::string SpelledTokens::broken(std::string_view text, std::string_view mark) const {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const std::size_t character = std::max<std::size_t>(1, utf8_length(rest));
    result += rest.substr(0, character);
    result += longest_at(rest) != nullptr ? mark : "";
    at += character;
  }
  return result;
}

const SpelledTokens::Spelling* SpelledTokens::longest_at(std::string_view text) const {
  for (const std::size_t i : by_first_byte_.at(first_byte(text))) {
    if (text.starts_with(spellings_[i].text)) {
      return &spellings_[i];
    }
  }
  return nullptr;
}

}  // namespace routedk::text
