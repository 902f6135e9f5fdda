#include "routedk/core/stop_signal.h"

namespace routedk {
namespace {

constexpr std::array<int, 2> kSignals{SIGINT, SIGTERM};

volatile sig_atomic_t received_signal = 0;

void note(int signal) {
  received_signal = signal;
}

}  // namespace

StopSignals::StopSignals() noexcept {
  received_signal = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &action, &before_[i]);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &before_[i], nullptr);
  }
}

int StopSignals::received() noexcept {
  return received_signal;
}

}  // namespace routedk
