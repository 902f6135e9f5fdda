/// Title similarity without learning.
#pragma once

#include "routedk/bundle/session.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace routedk::bundle {

/// TF-IDF vectors over the titles of a domain: words are the runs of [a-z0-9] of the lower-cased title, a
/// word has weight (1 + ln tf) ln(N / df), vectors have length 1. Titles are used as in the file, entities
/// not decoded (Dataset::titles), as in the published baselines.
class TfIdf {
 public:
  explicit TfIdf(const std::map<ItemId, std::string>& titles);

  /// Cosine of the two titles' vectors, 0 to 1; 0 if an item has no title.
  double similarity(ItemId a, ItemId b) const;
  /// The same for two arbitrary titles, weighted by the rarity of their words in the domain; an unknown word
  /// is as rare as one that occurs in a single title.
  double similarity(std::string_view a, std::string_view b) const;

 private:
  using Vector = std::vector<std::pair<std::uint32_t, double>>;  // (word, weight), ascending by word
  std::unordered_map<ItemId, Vector> vectors_;
  std::unordered_map<std::string, double> rarity_;  ///< ln(N / df) of each word
  double rarest_ = 0.0;                             ///< ln N
};

}  // namespace routedk::bundle
