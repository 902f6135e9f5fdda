#include "routedk/bundle/tfidf.h"

#include <cmath>
#include <string_view>

namespace routedk::bundle {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::vector<std::string> words_of(std::string_view title) {
  std::vector<std::string> words(1);
  for (const char raw : title) {
    if (const char c = lower(raw); is_word(c)) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) {
    words.pop_back();
  }
  return words;
}

}  // namespace

TfIdf::TfIdf(const std::map<ItemId, std::string>& titles) {
  std::unordered_map<std::string, std::uint32_t> ids;
  std::vector<double> titles_with;
  for (const auto& [item, title] : titles) {
    std::map<std::uint32_t, double> counts;
    for (const std::string& word : words_of(title)) {
      ++counts[ids.emplace(word, static_cast<std::uint32_t>(ids.size())).first->second];
    }
    titles_with.resize(ids.size());
    for (const auto& [word, count] : counts) {
      ++titles_with[word];
    }
    vectors_.emplace(item, Vector(counts.begin(), counts.end()));
  }
  for (auto& [item, vector] : vectors_) {
    double squares = 0.0;
    for (auto& [word, weight] : vector) {
      weight = (1.0 + std::log(weight)) * std::log(static_cast<double>(titles.size()) / titles_with[word]);
      squares += weight * weight;
    }
    for (auto& [word, weight] : vector) {
      weight = squares > 0 ? weight / std::sqrt(squares) : 0.0;
    }
  }
}

double TfIdf::similarity(ItemId a, ItemId b) const {
  const auto of_a = vectors_.find(a);
  const auto of_b = vectors_.find(b);
  if (of_a == vectors_.end() || of_b == vectors_.end()) {
    return 0.0;
  }
  double dot = 0.0;
  auto left = of_a->second.begin();
  auto right = of_b->second.begin();
  while (left != of_a->second.end() && right != of_b->second.end()) {
    if (left->first == right->first) {
      dot += left++->second * right++->second;
    } else {
      left->first < right->first ? ++left : ++right;
    }
  }
  return dot;
}

}  // namespace routedk::bundle
