/// Feedback to a teacher on the bundles that it proposed: each compared with gold.
#pragma once

#include "routedk/bundle/answer.h"
#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

enum class FeedbackKind {
  kKeep,            ///< the bundle is gold
  kRemove,          ///< it shares fewer than two products with every gold bundle
  kDropForeign,     ///< some of its products are not in the closest gold bundle
  kAddMissing,      ///< that gold bundle, or one that no proposal is close to, has these products too
  kSingleItem,      ///< it has fewer than two products of the session
  kUnknownProduct,  ///< it names numbers that the session does not have
};
constexpr auto enum_names(FeedbackKind /*of*/) {
  return std::to_array<EnumName<FeedbackKind>>({{FeedbackKind::kKeep, "keep"},
                                                {FeedbackKind::kRemove, "remove"},
                                                {FeedbackKind::kDropForeign, "drop_foreign"},
                                                {FeedbackKind::kAddMissing, "add_missing"},
                                                {FeedbackKind::kSingleItem, "single_item"},
                                                {FeedbackKind::kUnknownProduct, "unknown_product"}});
}

/// One remark. `bundle` counts the proposed bundles from 1; 0: a bundle that was not proposed.
struct Feedback {
  FeedbackKind kind = FeedbackKind::kKeep;
  int bundle = 0;
  bundle::ProductBundle products;  ///< the products it is about
  bool operator==(const Feedback&) const = default;
};

/// The answer in a teacher's reply: its last JSON object, regardless of surrounding text or code fences,
/// parsed by bundle::parse_answer with any product number allowed. Empty if there is none or it has another
/// form.
std::optional<bundle::ProductAnswer> proposal_in(std::string_view reply);

/// The proposal's bundles in order, each compared with the gold bundle of the highest Jaccard index among
/// those it shares two products with (ties: the first); then the gold bundles that no proposal is close to.
std::vector<Feedback> feedback_on(const bundle::ProductAnswer& proposal, const bundle::Session& session);

/// Whether nothing needs fixing.
bool all_kept(const std::vector<Feedback>& feedback);

/// One remark per line, products with number and title.
std::string feedback_text(const std::vector<Feedback>& feedback, const bundle::Session& session);

}  // namespace routedk::distill
