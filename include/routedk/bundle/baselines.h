/// Predictors without learning: the reference for a trained model.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/bundle/tfidf.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// whole: the session as one bundle; first_two items; random_pairs: the items shuffled and paired, an odd one
/// left over; similar_pair: the most similar pair, the first among equals; similar_pairs: paired greedily by
/// similarity, an odd item left over; similar_groups: connected components of the pairs with similarity above
/// 0.1.
inline constexpr std::array<std::string_view, 6> kBaselineNames = {
    "whole", "first_two", "random_pairs", "similar_pair", "similar_pairs", "similar_groups"};

/// The number of seeded runs whose mean is a baseline's result: 20 for random_pairs, else 1.
int baseline_runs(std::string_view name);

/// The predictions of baseline `name` for each session, from the items that a model is given. A session of
/// fewer than 2 items gets an empty answer. `run`, from 0 to baseline_runs - 1, and `seed` determine the
/// random draws. ConfigError when no baseline has that name.
std::vector<Prediction> predict_baseline(std::string_view name, std::span<const Session> sessions,
                                         const TfIdf& titles, std::uint64_t seed = 0, int run = 0);

/// The scores of all runs of a baseline, the input of `evaluate`.
std::vector<std::vector<SessionScore>> score_baseline(std::string_view name,
                                                      std::span<const Session> sessions, const TfIdf& titles,
                                                      std::uint64_t seed = 0);

}  // namespace routedk::bundle
