/// Differences between proposed bundles and gold, for a teacher to reflect on.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"

#include <cstddef>
#include <vector>

namespace routedk::distill {

enum class DiscrepancyKind {
  kMissingItem,   ///< a gold item that the proposal put into another bundle
  kForeignItem,   ///< an item proposed with items that share no gold bundle with it
  kSingleItem,    ///< a gold item that the proposal left alone
  kMissedBundle,  ///< a gold bundle of which no proposed bundle has two items
};
constexpr auto enum_names(DiscrepancyKind /*of*/) {
  return std::to_array<EnumName<DiscrepancyKind>>({{DiscrepancyKind::kMissingItem, "missing_item"},
                                                   {DiscrepancyKind::kForeignItem, "foreign_item"},
                                                   {DiscrepancyKind::kSingleItem, "single_item"},
                                                   {DiscrepancyKind::kMissedBundle, "missed_bundle"}});
}
inline constexpr std::size_t kDiscrepancyKinds = enum_names(DiscrepancyKind{}).size();

struct Discrepancy {
  DiscrepancyKind kind = DiscrepancyKind::kMissingItem;
  bundle::ItemId item = 0;    ///< the item in question; for a missed bundle, one after the first
  bundle::ItemId beside = 0;  ///< the item that it belongs with or must be kept from
  bool operator==(const Discrepancy&) const = default;
};

/// Compares each gold bundle with the proposed bundle of the highest Jaccard index among those that share at
/// least two items with it (ties: the first). Gold items outside it are missing or single; its items that
/// share no gold bundle with its first gold item are foreign, each beside that item. In a missed bundle, each
/// later item is reported beside the first. If a proposed bundle shares two items with no gold bundle, all
/// its later items are foreign beside its first. Ordered by gold, then by the proposal; without repeats.
/// nothing is said twice.
std::vector<Discrepancy> compare_with_gold(const bundle::Answer& proposed,
                                           const std::vector<bundle::GoldBundle>& gold);

}  // namespace routedk::distill
