/// Properties of a session known before any system answers it, and what correlates with them.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/bundle/tfidf.h"
#include "routedk/eval/answers.h"

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace routedk::eval {

inline constexpr std::array<std::string_view, 3> kTraitNames = {"length", "title_similarity", "intents"};

/// In the order of kTraitNames: number of items, mean cosine of its pairs of titles, number of gold bundles
/// (each serves one intent; known only with gold).
using SessionTraits = std::array<double, kTraitNames.size()>;

SessionTraits traits_of(const bundle::Session& session, const bundle::TfIdf& titles);
/// The traits of each session.
std::vector<SessionTraits> traits_of(std::span<const bundle::Session> sessions, const bundle::TfIdf& titles);

/// Spearman's rank correlation: Pearson's of the ranks, with equal values sharing their mean rank; 0 if
/// either side does not vary. The lists have equal length.
double rank_correlation(std::span<const double> a, std::span<const double> b);

/// [traits][K]: rank correlation over the sessions of each expert's weight (mean over layers) with each
/// trait. `answers` and `traits` are for the same sessions; those without alpha are left out.
std::vector<std::vector<double>> alpha_with_traits(std::span<const SessionAnswer> answers,
                                                   std::span<const SessionTraits> traits);

/// Mean over layers of the entropy of an answer's alpha, in nats; 0 without alpha.
double alpha_entropy(const SessionAnswer& answer);

}  // namespace routedk::eval
