/// What can be said of a session before any system answers it, and what goes along with it.
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
/// (each serves one intent; known only afterwards).
using SessionTraits = std::array<double, kTraitNames.size()>;

SessionTraits traits_of(const bundle::Session& session, const bundle::TfIdf& titles);
/// Of each.
std::vector<SessionTraits> traits_of(std::span<const bundle::Session> sessions, const bundle::TfIdf& titles);

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank; 0 where either
/// side does not vary. The lists are as long as each other.
double rank_correlation(std::span<const double> a, std::span<const double> b);

/// [traits][K]: how each expert's weight, the mean over layers, goes along with each trait over the sessions.
/// `answers` and `traits` are of the same sessions; those without alpha are left out.
std::vector<std::vector<double>> alpha_with_traits(std::span<const SessionAnswer> answers,
                                                   std::span<const SessionTraits> traits);

/// Mean over layers of the entropy of an answer's alpha, nats; 0 without alpha.
double alpha_entropy(const SessionAnswer& answer);

}  // namespace routedk::eval
