#include "step_threads.h"

#include "routedk/core/crowding.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <unistd.h>

namespace routedk::decode {
namespace {

constexpr double kBetweenLooks = 0.1;     // seconds; a check takes about 50 us
constexpr int kCrowdedLooks = 2;          // before a trial: one may be chance
constexpr std::int64_t kStepsInTurn = 8;  // longer than the kernel's scheduling slices
constexpr std::int64_t kStepsOfTrial = 4 * kStepsInTurn;
constexpr double kWorthIt = 0.9;     // fewer threads must take at most this share of the time
constexpr double kFirstPause = 0.5;  // seconds
constexpr double kLongestPause = 8.0;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

StepThreads::StepThreads(std::int64_t threads, std::int64_t cpus, Count others)
    : all_(threads), cpus_(cpus), others_(std::move(others)), pause_(kFirstPause) {}

std::int64_t StepThreads::next(double now) {
  now_ = now;
  if (all_ > 1 && all_ <= cpus_ && trial_ < 0 && now >= look_at_) {
    look(now);
  }
  const bool fewer = trial_ < 0 ? keep_fewer_ : trial_ / kStepsInTurn % 2 == 1;
  return fewer ? fewer_ : all_;
}

void StepThreads::look(double now) {
  look_at_ = now + kBetweenLooks;
  const std::int64_t others = others_();
  if (all_ + others <= cpus_) {
    crowded_looks_ = 0;
    keep_fewer_ = false;
    pause_ = kFirstPause;
  } else if (++crowded_looks_ >= kCrowdedLooks && now >= trial_at_) {
    begin_trial(others);
  }
}

void StepThreads::begin_trial(std::int64_t others) {
  fewer_ = std::clamp<std::int64_t>(cpus_ - others, 1, all_ - 1);
  trial_ = 0;
  seconds_ = {};
}

void StepThreads::took(double seconds) {
  if (trial_ < 0) {
    return;
  }
  seconds_[static_cast<std::size_t>(trial_ / kStepsInTurn % 2)] += seconds;
  if (++trial_ == kStepsOfTrial) {
    end_trial();
  }
}

void StepThreads::end_trial() {
  const bool before = std::exchange(keep_fewer_, seconds_[1] < kWorthIt * seconds_[0]);
  pause_ = keep_fewer_ == before ? std::min(2 * pause_, kLongestPause) : kFirstPause;
  trial_ = -1;
  trial_at_ = now_ + pause_;
}

void with_step_threads(const std::function<void()>& step) {
  thread_local std::optional<std::pair<std::int64_t, StepThreads>> chosen;
  const std::int64_t all = at::get_num_threads();
  if (all == 1 || at::in_parallel_region()) {
    step();
    return;
  }
  if (!chosen || chosen->first != all) {
    const auto others = [] { return runnable_threads_of_others(); };
    chosen.emplace(all, StepThreads(all, ::sysconf(_SC_NPROCESSORS_ONLN), others));
  }
  struct All {
    std::int64_t threads;
    ~All() { at::set_num_threads(static_cast<int>(threads)); }
  };
  const double begin = seconds_now();
  const std::int64_t threads = chosen->second.next(begin);
  if (threads == all) {
    step();
  } else {
    const All again{all};
    at::set_num_threads(static_cast<int>(threads));
    step();
  }
  chosen->second.took(seconds_now() - begin);
}

}  // namespace routedk::decode
