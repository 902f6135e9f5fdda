/// Turns discrepancies into general rules: in words, without items or numbers.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/distill/discrepancy.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace routedk::distill {

/// What a discrepancy says about kinds of products (describe_kind). For symmetric rules (foreign item, missed
/// bundle), the two kinds are in alphabetical order.
struct Rule {
  DiscrepancyKind kind = DiscrepancyKind::kMissingItem;
  std::string item;
  std::string beside;
  bool operator==(const Rule&) const = default;
  friend bool operator<(const Rule& a, const Rule& b) {
    return std::tie(a.kind, a.item, a.beside) < std::tie(b.kind, b.item, b.beside);
  }
};

/// The rule as one sentence.
std::string rule_text(const Rule& rule);

/// A rule, and the number of sessions that it was derived from.
struct SupportedRule {
  Rule rule;
  std::int64_t support = 0;
};

/// The distinct rules derived from a session's discrepancies, in order. The items must be the session's.
std::vector<Rule> rules_of(const bundle::Session& session, const std::vector<Discrepancy>& discrepancies);

/// All rules of a domain by decreasing support, then alphabetically; each session counts once per rule.
std::vector<SupportedRule> summarise_rules(std::span<const std::vector<Rule>> sessions);

/// Whether the session has two different items of the rule's two kinds.
bool applies(const Rule& rule, const bundle::Session& session);

/// The rules of one session's record: its own, then those of the domain that apply to it and have a support
/// of at least 2, both in the given order; each pair of kinds once, at most `limit`.
std::vector<Rule> select_rules(const bundle::Session& session, const std::vector<Rule>& own,
                               std::span<const SupportedRule> domain, std::size_t limit);

}  // namespace routedk::distill
