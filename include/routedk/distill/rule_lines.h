/// Rules in a teacher's own words: extracted from replies, and merged over sessions into rules of the domain.
#pragma once

#include "routedk/bundle/knowledge.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

/// Whether the text refers to products by number: "product3", "Product 3", "products 1 and 3".
bool names_product_numbers(std::string_view text);

/// The texts after "Rule:" or "Rule 2:" at the beginning of a line, ignoring bullets and emphasis: the first
/// `limit` distinct general ones, that is, of 4 to 60 words and without product numbers.
std::vector<std::string> rules_in(std::string_view reply, std::size_t limit);

/// A rule of the domain, and the number of sessions that it was derived from.
struct DomainRule {
  std::string text;
  std::int64_t support = 0;
  bool operator==(const DomainRule&) const = default;
};

/// Induction: the lines of all valid rules records, with equivalent ones merged under the first wording, by
/// decreasing support, then in the order of the sessions; at most `limit`. Two rules are equivalent if the
/// cosine of their TF-IDF vectors over all rules is at least 0.8; words common to all rules have no weight.
std::vector<DomainRule> induce_rules(const bundle::KnowledgeStore& knowledge, std::size_t limit);

}  // namespace routedk::distill
