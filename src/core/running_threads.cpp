#include "routedk/core/running_threads.h"

#include "routedk/core/numbers.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

namespace routedk {
namespace {

namespace fs = std::filesystem;

/// "11206 (name) R 1 ...": the name may contain anything; the CPU is the 37th field after it
/// (proc_pid_stat(5)).
std::optional<int> cpu_if_running(const fs::path& task) {
  constexpr int kCpu = 36;
  std::ifstream file(task / "stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos || line.compare(name_end, 3, ") R") != 0) {
    return std::nullopt;
  }
  std::istringstream words(line.substr(name_end + 2));
  std::string word;
  for (int i = 0; i <= kCpu; ++i) {
    words >> word;
  }
  return words ? number_in<int>(word) : std::nullopt;
}

}  // namespace

std::vector<RunningThread> running_threads(const fs::path& proc) {
  std::vector<RunningThread> running;
  std::error_code error;
  for (fs::directory_iterator task(proc / "self/task", error), end; !error && task != end;
       task.increment(error)) {
    const auto id = number_in<pid_t>(task->path().filename().native());
    const auto cpu = id ? cpu_if_running(task->path()) : std::nullopt;
    if (cpu) {
      running.push_back({*id, *cpu});
    }
  }
  return running;
}

const RunningThread* sharing_thread(const std::vector<RunningThread>& running) {
  for (auto thread = running.rbegin(); thread != running.rend(); ++thread) {
    if (std::any_of(std::next(thread), running.rend(),
                    [&](const RunningThread& other) { return other.cpu == thread->cpu; })) {
      return &*thread;
    }
  }
  return nullptr;
}

cpu_set_t free_cpus(const std::vector<RunningThread>& running, const cpu_set_t& allowed) {
  cpu_set_t free = allowed;
  for (const RunningThread& thread : running) {
    CPU_CLR(static_cast<std::size_t>(thread.cpu), &free);
  }
  return free;
}

}  // namespace routedk
