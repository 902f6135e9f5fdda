/// Chooses the number of threads of a decoding step while other processes also use the CPUs.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace routedk::decode {

/// In every layer a team waits for its slowest thread. If another process uses that thread's CPU half of the
/// time, fewer threads, each with its own CPU, can be faster: both numbers are tried in turn, and the faster
/// is kept for a while. A step's numbers do not depend on it. If more threads than CPUs were requested, all
/// compute.
class StepThreads {
 public:
  using Count = std::function<std::int64_t()>;

  /// others: runnable threads of other processes, read about ten times a second. cpus: of the machine.
  StepThreads(std::int64_t threads, std::int64_t cpus, Count others);

  /// The number of threads for the step that begins at `now`, in seconds.
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
  int crowded_looks_ = 0;  // in a row
  double look_at_ = 0.0;
  double trial_at_ = 0.0;
  double pause_;             // until the next trial
  std::int64_t trial_ = -1;  // steps of the current trial; -1: no trial
  double now_ = 0.0;
  std::array<double, 2> seconds_{};  // of a trial's steps, with all threads and with fewer
};

/// Runs step() on the number of this thread's ATen threads that is fastest; state is kept per calling thread.
void with_step_threads(const std::function<void()>& step);

}  // namespace routedk::decode
