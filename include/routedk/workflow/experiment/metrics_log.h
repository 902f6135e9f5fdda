/// Where a run's training records go: metrics.jsonl, and TensorBoard's event files under tensorboard/<job>/.
#pragma once

#include "routedk/io/event_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/event.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

/// The event as a record:
///   a group's step: {"step", "group", "loss", "token_loss", "learning_rate", "grad_norm", "tokens",
///                    "answer_tokens", "tokens_per_s", "seconds", "memory_mib"}, step counted from 1, the
///                    other values those of the step (GroupStep); of a router also "gates", one object a
///                    layer;
///   a step that was not applied: {"step", "group", "not_finite": what, "not_finite_loss", "not_finite_norm",
///                    "keys": its examples};
///   a validation:   {"step", "group", "validation_loss", "best"}, and where answers were watched "answers",
///                    each with "key" and "answer", and "metrics";
///   a warning:      {"step", "group", "warning"};
///   a start:        {"resumed_at": steps, "groups"}: earlier records of these groups' later steps are void.
io::Json to_json(const train::Event& event);

class MetricsLog {
 public:
  /// `job` names the step, "train" or "router", in every record and tag.
  MetricsLog(const std::filesystem::path& run_folder, std::string job);

  /// The record as a line; each number of a group's record as "<job>/<group>/<name>" at its step, those of
  /// the gates as their mean over the layers.
  void add(const io::Json& record);
  /// The same for a trainer's events; must not outlive this.
  train::EventSink sink() {
    return [this](const train::Event& event) { add(to_json(event)); };
  }

 private:
  std::string job_;
  io::JsonlWriter lines_;
  io::EventFile events_;
};

}  // namespace routedk::workflow
