/// Events of a running training.
#pragma once

#include "routedk/experts/gate_stats.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace routedk::train {

/// Statistics of a step's sampled answers.
struct SampleFigures {
  double utility = 0.0;        ///< mean over samples
  double advantage_std = 0.0;  ///< over samples
  double entropy = 0.0;        ///< mean -log p of an answer over the allowed tokens, nats
  double distinct = 0.0;       ///< distinct answers / samples, mean over prompts
  double informative = 0.0;    ///< share of the prompts whose samples differ in reward
  double unfinished = 0.0;     ///< share of the samples cut off by a limit
  std::optional<double> kl;    ///< mean log p - log p at the start, nats per answer, if requested
  /// With iterations: share of the answers with an advantage whose probability has changed too much to
  /// contribute.
  std::optional<double> clipped;
  double seconds = 0.0;  ///< spent on sampling; 0 if sampled in an earlier step
};

/// One optimiser step before it is applied; its gradient is in the group's buffer.
struct GroupStep {
  double loss = 0.0;        ///< the objective: token loss with label smoothing, and the gate penalty
  double token_loss = 0.0;  ///< mean over the step's answer tokens, nats
  double grad_norm = 0.0;   ///< before clipping
  double learning_rate = 0.0;
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  std::int64_t answer_tokens = 0;
  double seconds = 0.0;
  const char* not_finite = nullptr;           ///< "loss" or "gradient norm": must not be applied
  bool skipped = false;                       ///< nothing to learn: no gradient, must not be applied
  std::optional<SampleFigures> samples = {};  ///< for objectives that sample answers
  std::vector<std::uint64_t> keys;  ///< of this process's examples; for a bad step, of all processes'
  std::vector<experts::LayerRouting> routing;  // [L], if the gate mixes experts
};

/// The group's answer to one validation prompt.
struct WatchedAnswer {
  std::int64_t key = 0;
  std::string text;
};

/// The results of a validation hook.
struct Findings {
  std::vector<WatchedAnswer> answers;
  std::vector<std::pair<std::string, double>> metrics;  ///< of these answers, by name
  std::vector<std::string> warnings;
};

struct Validation {
  /// The value to minimise: the mean over the answer tokens, nats, or minus the utility.
  double loss = 0.0;
  Findings found = {};
  std::optional<double> utility = {};  ///< mean of greedy answers, for objectives that sample answers
};

// Events name a group and the number of its steps done, 1 after the first.

struct StepEvent {
  std::string group;
  std::int64_t number = 0;
  GroupStep step;
  double memory_mib = 0.0;  ///< resident set size
};

/// A step that was not applied because its loss or gradient is not finite.
struct BadStepEvent {
  std::string group;
  std::int64_t number = 0;
  GroupStep step;
};

struct ValidationEvent {
  std::string group;
  std::int64_t number = 0;
  Validation validation;
  bool best = false;  ///< of all so far
};

struct WarningEvent {
  std::string group;
  std::int64_t number = 0;
  std::string text;
};

/// A training starts or resumes: earlier records of these groups' later steps are void.
struct ResumeEvent {
  std::int64_t number = 0;  ///< steps done, 0 without a checkpoint
  std::vector<std::string> groups;
};

using Event = std::variant<StepEvent, BadStepEvent, ValidationEvent, WarningEvent, ResumeEvent>;
/// Receives every event as it happens; an exception that it throws ends the training.
using EventSink = std::function<void(const Event&)>;

}  // namespace routedk::train
