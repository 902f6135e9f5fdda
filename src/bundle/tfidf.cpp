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
  const auto count = static_cast<double>(titles.size());
  rarest_ = titles.empty() ? 0.0 : std::log(count);
  for (const auto& [word, id] : ids) {
    rarity_.emplace(word, std::log(count / titles_with[id]));
  }
  for (auto& [item, vector] : vectors_) {
    double squares = 0.0;
    for (auto& [word, weight] : vector) {
      weight = (1.0 + std::log(weight)) * std::log(count / titles_with[word]);
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

double TfIdf::similarity(std::string_view a, std::string_view b) const {
  const auto weights = [this](std::string_view title) {
    std::map<std::string, double> counts;
    for (const std::string& word : words_of(title)) {
      ++counts[word];
    }
    double squares = 0.0;
    for (auto& [word, weight] : counts) {
      const auto known = rarity_.find(word);
      weight = (1.0 + std::log(weight)) * (known == rarity_.end() ? rarest_ : known->second);
      squares += weight * weight;
    }
    return std::make_pair(counts, std::sqrt(squares));
  };
  const auto [of_a, length_a] = weights(a);
  const auto [of_b, length_b] = weights(b);
  double dot = 0.0;
  for (const auto& [word, weight] : of_a) {
    const auto other = of_b.find(word);
    dot += other == of_b.end() ? 0.0 : weight * other->second;
  }
  return dot > 0 ? dot / (length_a * length_b) : 0.0;
}

}  // namespace routedk::bundle
