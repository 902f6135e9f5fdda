/// A model's answers for sessions: N candidates and each rule's choice among them, stored session by session
/// in a JSON lines file.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session_encoder.h"
#include "routedk/decode/decoder.h"
#include "routedk/eval/selection.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace routedk::eval {

class Verifier;

/// A rule and how many of the candidates it sees, starting with the first: draws are keyed by the sample's
/// number, so the first n of N samples equal those of a run with n.
struct Choice {
  SelectRule rule = SelectRule::kVote;
  std::int64_t samples = 4;
  UtilityOptions utility{};  ///< for kExpectedUtility; other rules leave the default
  bool operator==(const Choice&) const = default;
};

/// The outcome of a choice.
struct Selection {
  Choice choice;
  bundle::Prediction prediction{};           ///< empty if no candidate parsed
  double share = 0.0;                        ///< of the candidates with exactly this answer
  bool hit = false;                          ///< whether it equals gold
  std::optional<double> expected_utility{};  ///< for kExpectedUtility, if a candidate parsed
};

struct SessionAnswer {
  bundle::SessionId session = 0;
  bundle::Prediction prediction;               ///< by the first rule, among all candidates
  double share = 0.0;                          ///< of the candidates with that answer
  std::optional<double> expected_utility;      ///< of the prediction, as in Selection
  std::vector<bundle::Prediction> candidates;  // [N]
  std::vector<double> logprobs;                // [N], summed over tokens, unconstrained, T = 1
  std::vector<double> constrained_logprobs;    // [N], the same, normalised over the allowed tokens
  std::vector<std::int64_t> tokens;            // [N], end of turn included
  std::vector<double> verifier;                // [N], the verifier's scores; empty without one
  /// [N][D] to four decimals, if GenerateOptions::pool_hidden is set; empty for an answer of no tokens.
  std::vector<std::vector<float>> pooled;
  std::vector<Selection> selections;      ///< in the order of AnswerSetting::choices
  std::vector<std::vector<float>> alpha;  // [L][K]
  double seconds = 0.0;                   ///< this session's share of its batch's time
};

/// How certain the choice is: the expected utility if the rule computes one, otherwise the share of the
/// candidates.
double confidence(const SessionAnswer& answer);

/// {"session": 7, "bundles": [[1, 2]] or null, "share": ..., "candidates": [...], "logprobs": [...],
///  "constrained_logprobs": [...], "tokens": [...], "selected": [{"select": "vote", "samples": 4,
///  "bundles": ..., "share": ..., "hit": ...}], "alpha": [[...]], "seconds": ...}, and optionally
///  "verifier" and "pooled"; if the rule computes it, also "expected_utility", for the prediction and in
///  "selected", there with "utility" and "expectation". Such lines are a predictions file for
/// `routedk-eval score`.
io::Json to_json(const SessionAnswer& answer);
/// The inverse of to_json, except for the selections, which follow from the rest (`choose`); FileError names
/// `where` (file:line).
SessionAnswer session_answer_from_json(const io::Json& json, const std::string& where);

/// The answers of a file that answer_sessions wrote. FileError.
using AnswersBySession = std::map<bundle::SessionId, SessionAnswer>;
AnswersBySession read_answers(const std::filesystem::path& file);

/// How sessions are presented to a model.
struct AnswerSetting {
  const bundle::PromptTemplates& templates;
  const bundle::SessionEncoder& encoder;
  decode::GenerateOptions generate;
  bool constrain = true;               ///< allow only canonical answers
  std::int64_t batch_sessions = 16;    ///< sessions decoded together
  std::vector<Choice> choices{};       ///< default: the vote of all
  const Verifier* verifier = nullptr;  ///< scores the candidates; their pooled states are then not kept
  /// Weights [L,K] by session, in place of the gate's; needed for every session asked about.
  std::map<bundle::SessionId, at::Tensor> alpha{};
};

/// The first candidates of an answer, without selections; call `choose` for these.
SessionAnswer first_candidates(SessionAnswer answer, std::int64_t samples);
/// The candidates of an answer, followed by those of `more` for the same session.
SessionAnswer joined(SessionAnswer answer, const SessionAnswer& more);

/// The candidates as ballots, with product numbers for items.
std::vector<Ballot> ballots_of(const bundle::Session& session, const SessionAnswer& answer);

/// Fills prediction, share and selections from the candidates. A session of fewer than 2 items has none and
/// gets the empty answer. ConfigError if a choice needs more candidates than there are.
void choose(const bundle::Session& session, std::span<const Choice> choices, SessionAnswer& answer);
/// The same for an answer read from a file; FileError names it if a candidate or a choice does not fit the
/// session.
void choose_again(const bundle::Session& session, std::span<const Choice> choices, SessionAnswer& answer,
                  const std::filesystem::path& file);

/// Candidates and choices for some sessions, one batch. Sessions of fewer than 2 items get an empty answer.
std::vector<SessionAnswer> answer_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                        std::span<const bundle::Session> sessions,
                                        const AnswerSetting& setting);

/// Answers all sessions, appending to `file` batch by batch; batches already in the file are not run again.
/// `on_batch` receives the number of finished sessions after each batch. FileError if the file was written
/// with another number of candidates, or lacks verifier scores or pooled states that the setting requires.
std::vector<SessionAnswer> answer_sessions(const decode::Decoder& decoder, const experts::Gate& gate,
                                           std::span<const bundle::Session> sessions,
                                           const AnswerSetting& setting, const std::filesystem::path& file,
                                           const std::function<void(std::int64_t)>& on_batch);

}  // namespace routedk::eval
