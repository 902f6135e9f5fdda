/// Threads that execute the same steps together. A parallel region costs as much as one step of a token's
/// layer, so a whole layer is one region; between steps the threads wait for each other by spinning on a
/// number, and sleep if the wait is long.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {

class Team {
 public:
  /// One of the threads. All of them execute everything between two calls of `share`.
  class Member {
   public:
    /// each(first, last) for this thread's part of 0 .. total; returns when all parts are done. After an
    /// exception no further part begins, and `run` rethrows it.
    template <typename Each>
    void share(std::int64_t total, const Each& each) {
      if (team_ == nullptr) {
        at::parallel_for(0, total, 1, each);
        return;
      }
      const std::int64_t begin = total * first_ / team_->size_;
      const std::int64_t end = total * last_ / team_->size_;
      if (begin < end && !team_->failed_.load(std::memory_order_relaxed)) {
        try {
          each(begin, end);
        } catch (...) {
          team_->fail(std::current_exception());
        }
      }
      team_->wait(first_, last_ - first_);
    }
    /// This thread's index in the team; 0 alone.
    std::int64_t place() const { return first_; }
    /// The same for all members.
    std::int64_t threads() const { return team_ == nullptr ? at::get_num_threads() : team_->size_; }

   private:
    friend class Team;
    Member() = default;
    Member(Team& team, std::int64_t first, std::int64_t last) : team_(&team), first_(first), last_(last) {}
    Team* team_ = nullptr;  ///< null: alone, and ATen parallelises each step
    std::int64_t first_ = 0;
    std::int64_t last_ = 0;  ///< end of its range of the team's places
  };

  /// body(member) on all of ATen's threads at once; rethrows the first exception. Within a parallel region,
  /// and where ATen's threads might not run concurrently (it was built without OpenMP), the caller is alone.
  template <typename Body>
  static void run(const Body& body) {
    const std::int64_t threads = at::get_num_threads();
    if (threads == 1 || at::in_parallel_region() || !all_at_once()) {
      Member alone;
      body(alone);
      return;
    }
    Team team(threads);
    at::parallel_for(0, threads, 1, [&](std::int64_t first, std::int64_t last) {
      Member member(team, first, last);
      try {
        body(member);
      } catch (...) {
        team.fail(std::current_exception());
      }
    });
    if (team.error_ != nullptr) {
      std::rethrow_exception(team.error_);
    }
  }

 private:
  explicit Team(std::int64_t size) : size_(size) {}
  /// Whether ATen's threads are OpenMP's, which run concurrently.
  static bool all_at_once();
  /// Waits until every place has arrived (a thread holds several if there are fewer threads than requested)
  /// or a thread has failed, which may never arrive. `first` is the first of the caller's `places`.
  void wait(std::int64_t first, std::int64_t places) noexcept;
  void fail(std::exception_ptr error) noexcept;
  /// Releases all waiting threads.
  void advance() noexcept;

  std::int64_t size_;
  std::atomic<std::int64_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> step_{0};  ///< 32 bits, the size of a futex
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace routedk::kernels::cpu
