#include "routedk/distill/discrepancy.h"

#include <algorithm>
#include <array>

namespace routedk::distill {
namespace {

using bundle::Answer;
using bundle::Bundle;
using bundle::GoldBundle;
using bundle::ItemId;

bool holds(const Bundle& bundle, ItemId item) {
  return std::ranges::find(bundle, item) != bundle.end();
}

std::ptrdiff_t shared(const Bundle& a, const Bundle& b) {
  return std::ranges::count_if(a, [&](ItemId item) { return holds(b, item); });
}

double jaccard(const Bundle& a, const Bundle& b) {
  const auto both = static_cast<double>(shared(a, b));
  return both / (static_cast<double>(a.size() + b.size()) - both);
}

const Bundle* best_match(const Answer& proposed, const Bundle& gold) {
  const Bundle* best = nullptr;
  for (const Bundle& bundle : proposed) {
    if (shared(bundle, gold) >= 2 && (best == nullptr || jaccard(bundle, gold) > jaccard(*best, gold))) {
      best = &bundle;
    }
  }
  return best;
}

bool is_grouped(const Answer& proposed, ItemId item) {
  return std::ranges::any_of(proposed,
                             [&](const Bundle& bundle) { return bundle.size() >= 2 && holds(bundle, item); });
}

/// Discrepancies in the order in which they are found, without repeats.
class Findings {
 public:
  void add(const Discrepancy& found) {
    if (std::ranges::find(found_, found) == found_.end()) {
      found_.push_back(found);
    }
  }

  void add_all_beside_first(DiscrepancyKind kind, const Bundle& bundle) {
    for (const ItemId item : bundle) {
      if (item != bundle.front()) {
        add({kind, item, bundle.front()});
      }
    }
  }

  std::vector<Discrepancy> take() { return std::move(found_); }

 private:
  std::vector<Discrepancy> found_;
};

bool share_gold(const std::vector<GoldBundle>& gold, ItemId a, ItemId b) {
  return std::ranges::any_of(
      gold, [&](const GoldBundle& each) { return holds(each.items, a) && holds(each.items, b); });
}

void compare_one(const Answer& proposed, const std::vector<GoldBundle>& all_gold, const Bundle& gold,
                 Findings& findings) {
  const Bundle* match = best_match(proposed, gold);
  if (match == nullptr) {
    findings.add_all_beside_first(DiscrepancyKind::kMissedBundle, gold);
    return;
  }
  const ItemId anchor = *std::ranges::find_if(gold, [&](ItemId item) { return holds(*match, item); });
  for (const ItemId item : gold) {
    if (!holds(*match, item)) {
      findings.add({is_grouped(proposed, item) ? DiscrepancyKind::kMissingItem : DiscrepancyKind::kSingleItem,
                    item, anchor});
    }
  }
  for (const ItemId item : *match) {
    if (!share_gold(all_gold, item, anchor)) {
      findings.add({DiscrepancyKind::kForeignItem, item, anchor});
    }
  }
}

}  // namespace

std::vector<Discrepancy> compare_with_gold(const Answer& proposed, const std::vector<GoldBundle>& gold) {
  Findings findings;
  for (const GoldBundle& each : gold) {
    compare_one(proposed, gold, each.items, findings);
  }
  for (const Bundle& bundle : proposed) {
    if (std::ranges::none_of(gold, [&](const GoldBundle& each) { return shared(bundle, each.items) >= 2; })) {
      findings.add_all_beside_first(DiscrepancyKind::kForeignItem, bundle);
    }
  }
  return findings.take();
}

}  // namespace routedk::distill
