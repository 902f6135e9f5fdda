#include "routedk/distill/rule.h"

#include "routedk/distill/describe.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace routedk::distill {
namespace {

using bundle::Item;
using bundle::ItemId;
using bundle::Session;

/// A pair of equal kinds needs its own sentence: "cables belong with cables" says little.
struct Wording {
  std::string_view same;
  std::string_view different;
};

constexpr std::array<Wording, kDiscrepancyKinds> kRuleWordings{{
    {"Several {0} form one bundle even when their titles differ.",
     "{0} belong with {1} even when their titles differ."},
    {"{0} with like titles can serve different intents.",
     "Keep {0} apart from {1} even when their titles are alike."},
    {"Do not leave one of several {0} alone.", "Do not leave {0} alone: they go with {1}."},
    {"Several {0} serve one intent.", "{0} and {1} serve one intent."},
}};

bool is_symmetric(DiscrepancyKind kind) {
  return kind == DiscrepancyKind::kForeignItem || kind == DiscrepancyKind::kMissedBundle;
}

std::string kind_of(const Session& session, ItemId item) {
  return describe_kind(*std::ranges::find(session.items, item, &Item::id));
}

std::pair<std::string, std::string> kinds(const Rule& rule) {
  return std::minmax(rule.item, rule.beside);
}

}  // namespace

std::string rule_text(const Rule& rule) {
  const Wording& wording = kRuleWordings.at(static_cast<std::size_t>(rule.kind));
  return fmt::format(fmt::runtime(rule.item == rule.beside ? wording.same : wording.different), rule.item,
                     rule.beside);
}

std::vector<Rule> rules_of(const Session& session, const std::vector<Discrepancy>& discrepancies) {
  std::vector<Rule> rules;
  for (const Discrepancy& found : discrepancies) {
    Rule rule{found.kind, kind_of(session, found.item), kind_of(session, found.beside)};
    if (is_symmetric(rule.kind) && rule.beside < rule.item) {
      std::swap(rule.item, rule.beside);
    }
    if (std::ranges::find(rules, rule) == rules.end()) {
      rules.push_back(std::move(rule));
    }
  }
  return rules;
}

std::vector<SupportedRule> summarise_rules(std::span<const std::vector<Rule>> sessions) {
  std::map<Rule, std::int64_t> support;
  for (const std::vector<Rule>& rules : sessions) {
    for (const Rule& rule : std::set<Rule>(rules.begin(), rules.end())) {
      ++support[rule];
    }
  }
  std::vector<SupportedRule> ranked;
  ranked.reserve(support.size());
  for (const auto& [rule, count] : support) {
    ranked.push_back({rule, count});
  }
  std::ranges::stable_sort(ranked, std::greater<>(), &SupportedRule::support);
  return ranked;
}

bool applies(const Rule& rule, const Session& session) {
  std::int64_t items = 0;
  std::int64_t beside = 0;
  for (const Item& item : session.items) {
    const std::string kind = describe_kind(item);
    items += kind == rule.item ? 1 : 0;
    beside += kind == rule.beside ? 1 : 0;
  }
  return rule.item == rule.beside ? items >= 2 : items >= 1 && beside >= 1;
}

std::vector<Rule> select_rules(const Session& session, const std::vector<Rule>& own,
                               std::span<const SupportedRule> domain, std::size_t limit) {
  std::vector<Rule> selected;
  std::set<std::pair<std::string, std::string>> said;
  const auto take = [&](const Rule& rule) {
    if (selected.size() < limit && said.insert(kinds(rule)).second) {
      selected.push_back(rule);
    }
  };
  std::ranges::for_each(own, take);
  for (const SupportedRule& each : domain) {
    if (each.support >= 2 && applies(each.rule, session)) {
      take(each.rule);
    }
  }
  return selected;
}

}  // namespace routedk::distill
