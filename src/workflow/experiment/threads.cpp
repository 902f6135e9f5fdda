#include "routedk/workflow/experiment/threads.h"

#include "routedk/core/cpus.h"
#include "routedk/core/crowding.h"
#include "routedk/core/thread_count.h"
#include "routedk/core/thread_spreader.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <ATen/Parallel.h>
#include <omp.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

std::optional<std::string>& asked_threads() {
  static std::optional<std::string> text;
  return text;
}

/// With OMP_PROC_BIND this thread's mask is already one CPU; OpenMP counted before binding the thread.
std::int64_t usable_by_this_process() {
  return usable_cpus(std::max<std::int64_t>(affinity_cpus(), omp_get_num_procs()), cgroup_cpu_quota());
}

void choose_threads() {
  if (asked_threads()) {
    at::set_num_threads(static_cast<int>(thread_count_in(*asked_threads(), "--threads")));
    return;
  }
  const char* const variable = std::getenv("OMP_NUM_THREADS");
  const ThreadCount count = default_thread_count(
      variable == nullptr ? std::nullopt : std::optional<std::string>(variable), usable_by_this_process());
  if (!count.note.empty()) {
    spdlog::warn("{}", count.note);
  }
  at::set_num_threads(static_cast<int>(count.threads));
}

}  // namespace

void ask_for_threads(const std::string& text) {
  asked_threads() = text;
}

void start_threads() {
  choose_threads();
  static const ThreadSpreader spreader;
}

void set_threads(std::int64_t setting) {
  if (setting > 0 && !asked_threads()) {
    at::set_num_threads(static_cast<int>(setting));
  }
}

void warn_of_crowding() {
  watch_for_crowding(at::get_num_threads(), usable_by_this_process());
}

}  // namespace routedk::workflow
