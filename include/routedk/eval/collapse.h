/// Signs that a system gives the same answer to every input, or is no better than chance.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/session_encoder.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace routedk::eval {

/// Warn if a larger share of the answers are one bundle of everything.
inline constexpr double kMostWhole = 0.8;
/// Warn if a larger share of the answers are the same.
inline constexpr double kMostAlike = 0.9;
/// With fewer sessions, f1 is not compared with the random model's.
inline constexpr std::size_t kFewestSessions = 10;
/// With fewer answers, they are not compared with each other.
inline constexpr std::size_t kFewestAnswers = 4;
/// Sessions of fewer items do not count: two items have only one possible bundle.
inline constexpr std::size_t kFewestItems = 3;
/// Answers per session of the random model.
inline constexpr int kRandomDraws = 64;

/// The bundles as sets of product numbers, "[1, 2], [3, 4]"; regardless of the number of items, one bundle of
/// everything, no bundle, and an unparsable answer each have a fixed text.
std::string answer_pattern(const bundle::Session& session, const bundle::Prediction& prediction);

/// How similar answers are: any texts, or the answers to sessions of at least kFewestItems items.
struct AnswerPatterns {
  std::size_t sessions = 0;
  double whole = 0.0;     ///< share that are one bundle of everything
  double alike = 0.0;     ///< share of the most common pattern
  std::string commonest;  ///< ties: the first in text order
};
AnswerPatterns patterns_of(const std::vector<std::string>& answers);
AnswerPatterns answer_patterns(std::span<const bundle::Session> sessions,
                               std::span<const bundle::Prediction> predictions);

/// A model without knowledge: each token is drawn uniformly from those that the answer's automaton allows.
/// kRandomDraws runs, keyed by seed, session and run; sessions of fewer than 2 items get the empty answer.
bundle::Runs random_model(std::span<const bundle::Session> sessions, const bundle::SessionEncoder& encoder,
                          std::uint64_t seed);

/// One sentence per sign; used by evaluations, training's watched answers and scored files.
std::vector<std::string> collapse_signs(const AnswerPatterns& patterns);
/// The same, plus a sign if the whole interval of f1 is below `random_f1`, the random model's f1 on the same
/// sessions.
std::vector<std::string> collapse_signs(const AnswerPatterns& patterns, double f1,
                                        const bundle::Interval& interval, double random_f1);

}  // namespace routedk::eval
