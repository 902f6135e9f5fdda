/// The feedback to a teacher about the bundles it proposed: gold's verdict on each of them.
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
  kDropForeign,     ///< some of its products are not in the gold bundle that it is closest to
  kAddMissing,      ///< that gold bundle, or a gold bundle that nothing is close to, has these products too
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

/// One remark. `bundle` counts the proposed bundles from 1; 0: one that was not proposed.
struct Feedback {
  FeedbackKind kind = FeedbackKind::kKeep;
  int bundle = 0;
  bundle::ProductBundle products;  ///< those it is about
  bool operator==(const Feedback&) const = default;
};

/// The answer in a teacher's reply: its last JSON object, whatever text or code fence is around it, read by
/// bundle::parse_answer with any product number allowed. Nothing where there is none or it has another form.
std::optional<bundle::ProductAnswer> proposal_in(std::string_view reply);

/// The proposal's bundles, in their order, each against the gold bundle with the highest Jaccard index among
/// those it shares two products with (the first of equals); then the gold bundles that nothing was close to.
std::vector<Feedback> feedback_on(const bundle::ProductAnswer& proposal, const bundle::Session& session);

/// Whether there is nothing to fix.
bool all_kept(const std::vector<Feedback>& feedback);

/// One remark a line, products with number and title.
std::string feedback_text(const std::vector<Feedback>& feedback, const bundle::Session& session);

}  // namespace routedk::distill
