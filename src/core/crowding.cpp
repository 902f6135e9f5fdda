#include "routedk/core/crowding.h"

#include "routedk/core/running_threads.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenLooks{10};

/// The machine's runnable threads: the 3 in "0.20 0.18 0.12 3/80 11206".
std::int64_t runnable_threads(const fs::path& proc) {
  std::ifstream file(proc / "loadavg");
  std::string average;
  std::int64_t runnable = 0;
  file >> average >> average >> average >> runnable;
  return file ? runnable : 0;
}

/// The smallest of three counts, 1 ms apart: excludes threads that run only briefly.
std::int64_t lasting_threads_of_others() {
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (int look = 0; look < 3 && fewest > 0; ++look) {
    if (look > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    fewest = std::min(fewest, runnable_threads_of_others());
  }
  return fewest;
}

class Watch {
 public:
  void start(std::int64_t threads, std::int64_t usable) {
    const std::lock_guard lock(mutex_);
    threads_ = threads;
    usable_ = usable;
    look(Clock::now());
  }

  void look_again() {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    if (threads_ > 0 && now >= next_) {
      look(now);
    }
  }

 private:
  void look(Clock::time_point now) {
    next_ = now + kBetweenLooks;
    if (warned_) {
      return;
    }
    const std::string text =
        crowding(threads_, usable_, lasting_threads_of_others(), ::sysconf(_SC_NPROCESSORS_ONLN));
    if (!text.empty()) {
      spdlog::warn("{}", text);
      warned_ = true;
    }
  }

  std::mutex mutex_;
  std::int64_t threads_ = 0;
  std::int64_t usable_ = 0;
  Clock::time_point next_;
  bool warned_ = false;
};

Watch& the_watch() {
  static Watch watch;
  return watch;
}

}  // namespace

std::int64_t runnable_threads_of_others(const fs::path& proc) {
  const std::int64_t all = runnable_threads(proc);
  return std::max<std::int64_t>(all - std::ssize(running_threads(proc)), 0);
}

std::string crowding(std::int64_t threads, std::int64_t usable, std::int64_t others, std::int64_t online) {
  if (threads > usable) {
    return fmt::format(
        "{} threads compute, but this process can use {} CPU{}: it will be slow; use fewer --threads",
        threads, usable, usable == 1 ? "" : "s");
  }
  if (threads + others > online) {
    return fmt::format(
        "{} threads are runnable on {} CPUs, {} of them in other processes: it will be slower "
        "(docs/threads.md)",
        threads + others, online, others);
  }
  return {};
}

void watch_for_crowding(std::int64_t threads, std::int64_t usable) {
  the_watch().start(threads, usable);
}

void look_for_crowding() {
  the_watch().look_again();
}

}  // namespace routedk
