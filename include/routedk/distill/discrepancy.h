/// Where a proposal of bundles departs from gold: what a teacher reflects on.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"

#include <cstddef>
#include <vector>

namespace routedk::distill {

enum class DiscrepancyKind {
  kMissingItem,   ///< a gold item that the proposal put into another bundle
  kForeignItem,   ///< an item proposed beside items that it shares no gold bundle with
  kSingleItem,    ///< a gold item that the proposal left by itself
  kMissedBundle,  ///< a gold bundle of which no proposed bundle holds two items
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
  bundle::ItemId item = 0;    ///< the item in question; in a missed bundle one after the first
  bundle::ItemId beside = 0;  ///< the item it belongs with or must be kept from
  bool operator==(const Discrepancy&) const = default;
};

/// Holds each gold bundle against the proposed bundle with the highest Jaccard index among those that share
/// at least two items with it (the first of equals): gold items outside it are missing or single, its items
/// that share no gold bundle with the first gold item inside are foreign, each beside that item. In a missed
/// bundle each later item stands beside the first. A proposed bundle that shares two items with no gold
/// bundle has all its later items foreign beside its first. In the order of gold, then of the proposal;
/// nothing is said twice.
std::vector<Discrepancy> compare_with_gold(const bundle::Answer& proposed,
                                           const std::vector<bundle::GoldBundle>& gold);

}  // namespace routedk::distill
