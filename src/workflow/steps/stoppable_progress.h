/// Progress of work that saves batch by batch, and stops after a batch when a signal asks for it.
#pragma once

#include "routedk/core/progress.h"
#include "routedk/core/stop_signal.h"

#include <cstdint>
#include <string>

namespace routedk::workflow {

class StoppableProgress {
 public:
  /// `total` in `unit`s, such as "sessions".
  StoppableProgress(const std::string& what, std::int64_t total, const std::string& unit);

  /// `done` units in all are saved. Throws Interrupted after a signal, unless that is everything.
  void reached(std::int64_t done);

  /// Prints how long it took.
  void finish() { progress_.finish(); }

 private:
  std::string what_;
  std::string unit_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  StopSignals signals_{"finishing the batch and saving it"};
  Progress progress_;
};

}  // namespace routedk::workflow
