#include "routedk/text/rouge.h"

#include <algorithm>
#include <string>
#include <vector>

namespace routedk::text {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool within = false;
  for (char c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter && !within) {
      words.emplace_back();
    }
    if (letter) {
      words.back() += c;
    }
    within = letter;
  }
  return words;
}

/// Computes the usual table row by row and keeps one row.
std::size_t common_subsequence(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::size_t> longest(b.size() + 1, 0);
  for (const std::string& word : a) {
    std::size_t diagonal = 0;  // previous row, previous column
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = longest[j];
      longest[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, longest[j - 1]);
      diagonal = above;
    }
  }
  return longest.back();
}

}  // namespace

double rouge_l(std::string_view candidate, std::string_view reference) {
  const std::vector<std::string> said = words_of(candidate);
  const std::vector<std::string> wanted = words_of(reference);
  const auto common = static_cast<double>(common_subsequence(said, wanted));
  // 2 P R / (P + R)
  return common == 0.0 ? 0.0 : 2.0 * common / static_cast<double>(said.size() + wanted.size());
}

}  // namespace routedk::text
