/// How many threads take a decoding step while other processes use the CPUs, too.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace routedk::decode {

/// In every layer a team waits for its slowest thread. Where another process has that thread's CPU half of
/// the time, fewer threads, with a CPU each, can be faster: both are tried in turn, the faster is kept for a
/// while. A step's numbers do not depend on it. More threads than CPUs are what the user asked for: all
/// compute.
class StepThreads {
 public:
  using Count = std::function<std::int64_t()>;

  /// others: runnable threads of other processes, asked some ten times a second. cpus: of the machine.
  StepThreads(std::int64_t threads, std::int64_t cpus, Count others);

  /// For the step that begins at `now`, in seconds.
  std::int64_t next(double now);
  /// How long that step took, in seconds.
  void took(double seconds);

 private:
  void look(double now);
  void begin_trial(std::int64_t others);
  void end_trial();

  std::int64_t all_;
  std::int64_t cpus_;
  Count others_;
  std::int64_t fewer_ = 1;
  bool keep_fewer_ = false;
  int crowded_looks_ = 0;  // one after another
  double look_at_ = 0.0;
  double trial_at_ = 0.0;
  double pause_;             // until the next trial
  std::int64_t trial_ = -1;  // steps of a trial so far; -1: none goes on
  double now_ = 0.0;
  std::array<double, 2> seconds_{};  // of a trial's steps with all, and with fewer threads
};

/// step(), on as many of this thread's ATen threads as pays; the same for all calls of a thread.
void with_step_threads(const std::function<void()>& step);

}  // namespace routedk::decode
