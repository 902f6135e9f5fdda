#include "routedk/core/stop_signal.h"

#include "routedk/core/terminal.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#include <fmt/format.h>
#include <unistd.h>

namespace routedk {
namespace {

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

volatile sig_atomic_t received_signal = 0;
std::atomic<const std::string*> answer_to_signals = nullptr;
static_assert(std::atomic<const std::string*>::is_always_lock_free);

/// Calls only async-signal-safe functions (signal-safety(7)).
void note(int signal) {
  received_signal = signal;
  if (const std::string* const answer = answer_to_signals; answer != nullptr) {
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, answer->data(), answer->size());
    errno = error;
  }
}

}  // namespace

StopSignals::StopSignals(std::string_view answer) {
  if (!answer.empty()) {
    // The terminal has echoed ^C after the progress line.
    answer_ = fmt::format("{}{}; Ctrl-C again to stop now\n", stderr_is_terminal() ? "\n" : "", answer);
    answer_to_signals = &answer_;
  }
  received_signal = 0;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN) {  // nohup
      continue;
    }
    struct sigaction action {};
    action.sa_handler = note;
    // A closed terminal sends SIGHUP twice: through the shell and, when that ends, by the system.
    action.sa_flags = SA_RESTART | (kSignals[i] == SIGHUP ? 0 : SA_RESETHAND);
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  answer_to_signals = nullptr;
}

int StopSignals::received() noexcept {
  return received_signal;
}

}  // namespace routedk
