#include "routedk/distill/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace routedk::distill {
namespace {

constexpr std::size_t kDescriptionWords = 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

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
  for (std::size_t at = 0; (at = text.find_first_not_of(' ', at)) != text.npos;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

/// The names of a path `A,B, C & D,Leaf`: how many, and the last.
std::pair<std::size_t, std::string> path_leaf(std::string_view path) {
  std::size_t names = 1;
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] == ',' && path[i + 1] != ' ') {
      ++names;
      begin = i + 1;
    }
  }
  return {path.empty() ? 0 : names, std::string(path.substr(begin))};
}

}  // namespace

std::string describe_title(std::string_view title) {
  std::vector<std::string> words = spaced_words(first_clause(title));
  std::erase_if(words, [](const std::string& word) {
    return std::ranges::any_of(word, is_digit) || std::ranges::none_of(word, is_letter);
  });
  if (words.empty()) {
    words = spaced_words(title);
    words.resize(std::min(words.size(), kDescriptionWords));
  }
  const std::size_t first = words.size() - std::min(words.size(), kDescriptionWords);
  return lower(fmt::format("{}", fmt::join(words.begin() + static_cast<std::ptrdiff_t>(first), words.end(), " ")));
}

std::string category_leaf(std::string_view category) {
  std::pair<std::size_t, std::string> best{0, ""};
  while (!category.empty()) {
    const std::size_t end = std::min(category.find(']'), category.size());
    std::string_view path = category.substr(0, end);
    path.remove_prefix(std::min(path.find_first_not_of("[,"), path.size()));
    auto leaf = path_leaf(path);
    if (leaf.first > best.first) {
      best = std::move(leaf);
    }
    category.remove_prefix(std::min(end + 1, category.size()));
  }
  return best.second;
}

std::string describe_kind(const bundle::Item& item) {
  std::string leaf = category_leaf(item.category);
  return leaf.empty() ? describe_title(item.title) : leaf;
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c)) {
      word += lower(c);
    } else if (!word.empty()) {
      words.insert(std::exchange(word, {}));
    }
  }
  if (!word.empty()) {
    words.insert(std::move(word));
  }
  return words;
}

}  // namespace routedk::distill
