/// Where a run's training records go: metrics.jsonl, and TensorBoard's event files under tensorboard/.
#pragma once

#include "routedk/io/event_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/trainer.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

class MetricsLog {
 public:
  /// `job` names the step, "train" or "router", in every record and tag.
  MetricsLog(const std::filesystem::path& run_folder, std::string job);

  /// The record as a line; each number of a group's record as "<job>/<group>/<name>" at its step, those of
  /// the gates as their mean over the layers.
  void add(const io::Json& record);
  /// The same for a trainer; must not outlive this.
  train::RecordSink sink() {
    return [this](const io::Json& record) { add(record); };
  }

 private:
  std::string job_;
  io::JsonlWriter lines_;
  io::EventFile events_;
};

}  // namespace routedk::workflow
