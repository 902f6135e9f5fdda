/// What a training says while it runs.
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

/// The answers that a step drew, in figures.
struct SampleFigures {
  double utility = 0.0;        ///< mean over samples
  double advantage_std = 0.0;  ///< over samples
  double entropy = 0.0;        ///< mean -log p of an answer among what was allowed, nats
  double distinct = 0.0;       ///< different answers / samples, mean over prompts
  double informative = 0.0;    ///< share of the prompts whose samples differ in what they are rewarded
  double unfinished = 0.0;     ///< share of the samples that a limit cut
  std::optional<double> kl;    ///< mean log p - log p at the start, nats an answer, where it is asked for
  /// With iterations: share of the answers with an advantage whose probability has changed too much to add
  /// to the step.
  std::optional<double> clipped;
  double seconds = 0.0;  ///< to draw them; 0 where they were drawn before
};

/// One optimiser step before it is applied: its gradient is in the group's buffer.
struct GroupStep {
  double loss = 0.0;        ///< what is descended: token loss with label smoothing, and the gate penalty
  double token_loss = 0.0;  ///< mean over the step's answer tokens, nats
  double grad_norm = 0.0;   ///< before clipping
  double learning_rate = 0.0;
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  std::int64_t answer_tokens = 0;
  double seconds = 0.0;
  const char* not_finite = nullptr;           ///< "loss" or "gradient norm": not to be applied
  bool skipped = false;                       ///< nothing to learn: no gradient, not to be applied
  std::optional<SampleFigures> samples = {};  ///< of objectives that draw answers
  std::vector<std::uint64_t>
      keys;  ///< of its examples; in a world of several, of this process's, but of a bad step of all
  std::vector<experts::LayerRouting> routing;  // [L], where the gate mixes experts
};

/// What the group answers to one validation prompt.
struct WatchedAnswer {
  std::int64_t key = 0;
  std::string text;
};

/// What the caller wanted to know at a validation.
struct Findings {
  std::vector<WatchedAnswer> answers;
  std::vector<std::pair<std::string, double>> metrics;  ///< of these answers, by name
  std::vector<std::string> warnings;
};

struct Validation {
  /// What is to become least: the mean over the answer tokens, nats, or minus the utility.
  double loss = 0.0;
  Findings found = {};
  std::optional<double> utility = {};  ///< mean of greedy answers, of objectives that draw them
};

// Events name a group and its steps done so far, 1 after the first.

struct StepEvent {
  std::string group;
  std::int64_t number = 0;
  GroupStep step;
  double memory_mib = 0.0;  ///< resident
};

/// A step that was not applied, because its loss or gradient is not finite.
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

/// A training starts, or starts again: what these groups said about later steps is void.
struct ResumeEvent {
  std::int64_t number = 0;  ///< steps done, 0 without a checkpoint
  std::vector<std::string> groups;
};

using Event = std::variant<StepEvent, BadStepEvent, ValidationEvent, WarningEvent, ResumeEvent>;
/// Receives every event as it happens; what it throws ends the training.
using EventSink = std::function<void(const Event&)>;

}  // namespace routedk::train
