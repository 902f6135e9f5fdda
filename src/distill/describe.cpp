#include "routedk/distill/describe.h"

#include "routedk/bundle/category.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::distill {
namespace {

constexpr std::size_t kDescriptionWords = 2;
/// Words that do not belong at the beginning or end of a product's name.
constexpr std::array<std::string_view, 12> kFillers{"a",   "an", "the", "in", "of", "on",
                                                    "and", "or", "to",  "by", "oz", "fl"};

constexpr std::array<std::string_view, 8> kFunctionWords{"and",  "the", "for",  "with",
                                                         "from", "one", "that", "this"};
constexpr std::size_t kShortestName = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}

std::string_view first_clause(std::string_view title) {
  static constexpr std::array<std::string_view, 12> ends{",",   "(",   "[",     ";",      "|",    ": ",
                                                         " - ", " / ", " for ", " with ", " w/ ", " by "};
  const std::string lowered = lower(title);
  std::size_t end = title.size();
  for (const std::string_view mark : ends) {
    end = std::min(end, lowered.find(mark));
  }
  return title.substr(0, end);
}

std::vector<std::string> spaced_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

/// Words that can be part of a product's name, lowered, without outer punctuation.
std::vector<std::string> name_words(std::string_view text) {
  static constexpr std::string_view punctuation = ".,:;!?*-+&'\"/()";
  std::vector<std::string> names;
  for (const std::string& word : spaced_words(lower(text))) {
    const std::size_t begin = std::min(word.find_first_not_of(punctuation), word.size());
    std::string name = word.substr(begin, word.find_last_not_of(punctuation) + 1 - begin);
    const bool is_name = std::ranges::any_of(name, is_letter) && std::ranges::none_of(name, is_digit);
    if (is_name && std::ranges::find(kFillers, name) == kFillers.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace

std::string describe_title(std::string_view title) {
  std::vector<std::string> words = name_words(first_clause(title));
  if (words.empty()) {
    words = spaced_words(lower(title));
    words.resize(std::min(words.size(), kDescriptionWords));
  }
  const auto first = words.size() - std::min(words.size(), kDescriptionWords);
  return fmt::format("{}", fmt::join(words.begin() + static_cast<std::ptrdiff_t>(first), words.end(), " "));
}

std::string describe_kind(const bundle::Item& item) {
  std::string leaf = bundle::category_leaf(item.category);
  return leaf.empty() ? describe_title(item.title) : leaf;
}

bool can_name(std::string_view word) {
  return word.size() >= kShortestName && std::ranges::find(kFunctionWords, word) == kFunctionWords.end();
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (const char c : text) {
    const bool begins = !std::exchange(in_word, is_letter(c) || is_digit(c));
    if (in_word) {
      if (begins) {
        words.emplace_back();
      }
      words.back() += lower(c);
    }
  }
  return words;
}

}  // namespace routedk::distill
