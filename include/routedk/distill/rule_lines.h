/// Rules in a teacher's own words: found in its reply, and merged over sessions into those of the domain.
#pragma once

#include "routedk/bundle/knowledge.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

/// Whether the text speaks of products by number: "product3", "Product 3", "products 1 and 3".
bool names_product_numbers(std::string_view text);

/// What follows "Rule:" or "Rule 2:" at the beginning of a line, bullets and emphasis aside: the first
/// `limit` different ones that are general, that is of 4 to 60 words and without product numbers.
std::vector<std::string> rules_in(std::string_view reply, std::size_t limit);

/// A rule of the domain and in how many sessions it was learnt.
struct DomainRule {
  std::string text;
  std::int64_t support = 0;
  bool operator==(const DomainRule&) const = default;
};

/// Induction: the lines of all valid rules records, those that say the same put together under the first
/// wording, by falling support, then in the order of the sessions; at most `limit`. Two rules say the same
/// where the cosine of their TF-IDF vectors over all rules is at least 0.8: what all rules share weighs
/// nothing there.
std::vector<DomainRule> induce_rules(const bundle::KnowledgeStore& knowledge, std::size_t limit);

}  // namespace routedk::distill
