/// What a model answers for sessions: N candidates, one vote, kept session by session in a JSON lines file.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/bundle/prompt.h"
#include "routedk/bundle/session_encoder.h"
#include "routedk/decode/generate.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace routedk::eval {

struct SessionAnswer {
  bundle::SessionId session = 0;
  bundle::Prediction prediction;               ///< the vote's winner; nothing when no candidate parsed
  double share = 0.0;                          ///< of the votes
  std::vector<bundle::Prediction> candidates;  // [N]
  std::vector<double> logprobs;                // [N], summed over tokens, unconstrained, T = 1
  std::vector<std::vector<float>> alpha;       // [L][K]
  double seconds = 0.0;                        ///< this session's share of its batch's time
};

/// {"session": 7, "bundles": [[1, 2]] or null, "share": ..., "candidates": [...], "logprobs": [...],
///  "alpha": [[...]], "seconds": ...}: a predictions file that `routedk-eval score` reads.
io::Json to_json(const SessionAnswer& answer);
/// The reverse; FileError names `where` (file:line).
SessionAnswer session_answer_from_json(const io::Json& json, const std::string& where);

/// How sessions are put to a model.
struct AnswerSetting {
  const bundle::PromptTemplates& templates;
  const bundle::SessionEncoder& encoder;
  decode::GenerateOptions generate;
  bool constrain = true;             ///< only canonical answers can be written
  std::int64_t batch_sessions = 16;  ///< sessions decoded together
};

/// Candidates and vote for some sessions, one batch. Sessions of fewer than 2 items get an empty answer.
std::vector<SessionAnswer> answer_batch(const decode::Decoder& decoder, const experts::Gate& gate,
                                        std::span<const bundle::Session> sessions,
                                        const AnswerSetting& setting);

/// Answers all sessions, appending to `file` batch by batch; batches that the file already holds are not run
/// again. `on_batch` hears how many sessions are done after each batch.
std::vector<SessionAnswer> answer_sessions(const decode::Decoder& decoder, const experts::Gate& gate,
                                           std::span<const bundle::Session> sessions,
                                           const AnswerSetting& setting, const std::filesystem::path& file,
                                           const std::function<void(std::int64_t)>& on_batch);

}  // namespace routedk::eval
