#include "routedk/core/child_process.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>
#include <new>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace routedk {
namespace {

using Clock = std::chrono::steady_clock;

// The first byte of a child's output.
constexpr char kReturned = 'r';
constexpr char kThrew = 't';

void limit(__rlimit_resource_t resource, rlim_t most) {
  const rlimit both{most, most};
  ::setrlimit(resource, &both);
}

std::uint64_t mapped_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

[[noreturn]] void be_child(const ChildLimits& limits, std::uint64_t mapped, int out,
                           const std::function<std::string()>& work) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM}) {
    ::signal(signal, SIG_DFL);
  }
  ::signal(SIGINT, SIG_IGN);  // a terminal sends it to both processes: the parent decides whether to stop
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, static_cast<rlim_t>(limits.seconds) + 1);
  limit(RLIMIT_AS, mapped + limits.memory_bytes);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(nowhere, STDERR_FILENO);
  std::string reply;
  try {
    reply = kReturned + work();
  } catch (const std::bad_alloc&) {
    ::_exit(1);
  } catch (const std::exception& error) {
    reply = kThrew + std::string(error.what());
  }
  ::_exit(write_all(out, reply) ? 0 : 1);
}

/// Everything until the other end is closed; nothing if it exceeds the limits.
std::optional<std::string> read_reply(int in, const ChildLimits& limits) {
  const auto end = Clock::now() + std::chrono::seconds(limits.seconds);
  std::string reply;
  std::array<char, 1U << 16U> buffer{};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready{in, POLLIN, 0};
    const int events = left <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left));
    if (events < 0 && errno == EINTR) {
      continue;
    }
    const ssize_t count = events <= 0 ? -1 : ::read(in, buffer.data(), buffer.size());
    if (count < 0 && events > 0 && errno == EINTR) {
      continue;
    }
    if (count == 0) {
      return reply;
    }
    if (count < 0 || reply.size() + static_cast<std::size_t>(count) > limits.output_bytes) {
      return std::nullopt;
    }
    reply.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

ChildResult run_in_child(const ChildLimits& limits, const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  const std::uint64_t mapped = mapped_bytes();
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw_<SystemError>("a pipe to a separate process must be created, but was not: {}",
                        std::strerror(errno));
  }
  const pid_t child = ::fork();
  if (child == 0) {
    be_child(limits, mapped, ends[1], work);
  }
  const int error = errno;
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw_<SystemError>("a separate process must start, but did not: {}", std::strerror(error));
  }
  const std::optional<std::string> reply = read_reply(ends[0], limits);
  ::close(ends[0]);
  if (!reply) {
    ::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!reply || reply->empty() || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return {};
  }
  return reply->front() == kReturned ? ChildResult{reply->substr(1), ""}
                                     : ChildResult{std::nullopt, reply->substr(1)};
}

}  // namespace routedk
