/// SIGINT, SIGTERM and SIGHUP as a wish to stop: long work finishes its step, saves and leaves with
/// `Interrupted`.
#pragma once

#include "routedk/core/error.h"

#include <array>
#include <csignal>
#include <string>
#include <string_view>

namespace routedk {

/// Work that stopped because a signal asked for it; programs exit with 128 + the signal's number.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(message), signal_(signal) {}
  int signal() const noexcept { return signal_; }

 private:
  int signal_;
};

/// While it lives, the first SIGINT or SIGTERM is only noted, and answered at once on standard error; a
/// second one of the same kind acts as it did before. SIGHUP, which a closed terminal sends more than once,
/// is always only noted, and ignored if it was before (nohup). One at a time in a process.
class StopSignals {
 public:
  /// The answer is "`answer`; Ctrl-C again to stop now"; none where it is empty.
  explicit StopSignals(std::string_view answer = {});
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// The signal that came; 0 for none.
  static int received() noexcept;

 private:
  std::string answer_;
  std::array<struct sigaction, 3> before_{};
};

}  // namespace routedk
