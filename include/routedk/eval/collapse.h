/// Signs that a system says the same whatever it is asked, or nothing better than chance.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/session_encoder.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace routedk::eval {

/// More than this share of the answers are one bundle of everything.
inline constexpr double kMostWhole = 0.8;
/// More than this share of the answers are the same.
inline constexpr double kMostAlike = 0.9;
/// f1 is less than this share of the random model's.
inline constexpr double kLeastOfRandom = 1.0;
/// f1 of fewer sessions is not compared with the random model's.
inline constexpr std::size_t kFewestSessions = 10;
/// Fewer answers are not said to be alike.
inline constexpr std::size_t kFewestAnswers = 4;
/// Answers to sessions of fewer items do not count: to two there is but one.
inline constexpr std::size_t kFewestItems = 3;
/// Answers that the random model draws for each session.
inline constexpr int kRandomDraws = 64;

/// The bundles as sets of product numbers, "[1, 2], [3, 4]"; however many items there are, the same words for
/// one bundle of everything, for no bundle and for an answer that did not parse.
std::string answer_pattern(const bundle::Session& session, const bundle::Prediction& prediction);

/// How alike answers are: any texts, or those to the sessions of at least kFewestItems items.
struct AnswerPatterns {
  std::size_t sessions = 0;
  double whole = 0.0;     ///< share that is one bundle of everything
  double alike = 0.0;     ///< share of the commonest pattern
  std::string commonest;  ///< of equally common ones the first by its text
};
AnswerPatterns patterns_of(const std::vector<std::string>& answers);
AnswerPatterns answer_patterns(std::span<const bundle::Session> sessions,
                               std::span<const bundle::Prediction> predictions);

/// A model without knowledge: each token is drawn from those that the answer's automaton allows, each as
/// likely. kRandomDraws runs, keyed by seed, session and run; sessions of fewer than 2 items get the empty
/// answer.
bundle::Runs random_model(std::span<const bundle::Session> sessions, const bundle::SessionEncoder& encoder,
                          std::uint64_t seed);

/// A sentence each: the same of evaluations, of what training watches, and of the files that are scored.
std::vector<std::string> collapse_signs(const AnswerPatterns& patterns);
/// With that of figures; `random_f1` is the random model's on the same sessions.
std::vector<std::string> collapse_signs(const AnswerPatterns& patterns, double f1, double random_f1);

}  // namespace routedk::eval
