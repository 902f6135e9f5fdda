/// SIGINT, SIGTERM and SIGHUP as a request to stop: long work finishes its step, saves and exits with
/// `Interrupted`.
#pragma once

#include "routedk/core/error.h"

#include <array>
#include <csignal>
#include <string>
#include <string_view>

namespace routedk {

/// Work that stopped on request of a signal; programs exit with 128 + the signal's number.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(message), signal_(signal) {}
  int signal() const noexcept { return signal_; }

 private:
  int signal_;
};

/// While it exists, the first SIGINT or SIGTERM is only recorded and acknowledged at once on standard error;
/// a second one of the same kind has its previous effect. SIGHUP, which a closed terminal sends more than
/// once, is only ever recorded, or stays ignored if it was (nohup). At most one at a time per process.
class StopSignals {
 public:
  /// The acknowledgement is "`answer`; Ctrl-C again to stop now"; none if `answer` is empty.
  explicit StopSignals(std::string_view answer = {});
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// The signal received; 0 for none.
  static int received() noexcept;

 private:
  std::string answer_;
  std::array<struct sigaction, 3> before_{};
};

}  // namespace routedk
