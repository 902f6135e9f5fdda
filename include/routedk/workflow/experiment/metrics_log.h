/// Writes a run's training records: metrics.jsonl, and TensorBoard event files, one run per group.
#pragma once

#include "routedk/io/event_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/event.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The event as a record:
///   a group's step: {"step", "group", "loss", "token_loss", "learning_rate", "grad_norm", "tokens",
///                    "answer_tokens", "tokens_per_s", "seconds", "memory_mib"}, step counted from 1, the
///                    other values as in GroupStep; for a router also "gates", one object per layer;
///   a step that was not applied: {"step", "group", "not_finite": what, "not_finite_loss", "not_finite_norm",
///                    "keys": its examples};
///   a validation:   {"step", "group", "validation_loss", "best"}, and if answers were watched "answers",
///                    each with "key" and "answer", and "metrics";
///   a warning:      {"step", "group", "warning"};
///   a start:        {"resumed_at": steps, "groups"}: earlier records of these groups' later steps are void.
io::Json to_json(const train::Event& event);

/// A group's run name in TensorBoard: an expert's own name; for a router or a control, the job;
/// "base_expected_utility" for the second phase of base.
std::string tensorboard_run(const std::string& job, const std::string& group);

/// What TensorBoard's records need besides the events.
struct TensorboardOptions {
  std::vector<std::string> experts;  ///< names for the gates' weights; if empty, their numbers
  /// The folder in which to write tensorboard/RUN for a group; if not set, that of metrics.jsonl.
  std::function<std::filesystem::path(const std::string& group)> folder_of;
};

class MetricsLog {
 public:
  /// `job` is the step, "train" or "router", in every record.
  MetricsLog(std::filesystem::path folder, std::string job, TensorboardOptions tensorboard = {});

  /// Writes the record as a line. Each number of a group's record (gate values as the mean over layers) is
  /// also written to TensorBoard at its step, under a tag whose first word groups it: "loss/training",
  /// "loss/validation", "optimiser/learning_rate", "speed/tokens_per_s", "router/weight_of_base",
  /// "validation/f1".
  void add(const io::Json& record);
  /// A sink for a trainer's events; must not outlive this object.
  train::EventSink sink() {
    return [this](const train::Event& event) { add(to_json(event)); };
  }

 private:
  io::EventFile& events_of(const std::string& group);

  std::filesystem::path folder_;
  std::string job_;
  TensorboardOptions tensorboard_;
  io::JsonlWriter lines_;
  std::map<std::string, io::EventFile> events_;  // by group
};

}  // namespace routedk::workflow
