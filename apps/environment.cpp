/// Settings that libraries read from the environment during initialisation, long before main. Linked into
/// every program, which re-executes itself with these variables unless the user has set them.
///
///   GOMP_SPINCOUNT   GNU's OpenMP runtime, which LibTorch brings, lets a waiting thread spin for 300,000
///                    pauses, 7 ms and more, during which the thread that it waits for may need the CPU.
///   GLIBC_TUNABLES   glibc.malloc.hugetlb=1 asks for huge pages (madvise) for what malloc takes from the
///                    system. Decoding reads all weights for each token, and with pages of 4 KiB, on a
///                    virtual machine most of all, looking up addresses costs a tenth of the time and more.
///   MKL_CBWR         AUTO,STRICT: matrix products of LibTorch's MKL do not depend on the number of threads
///                    (oneMKL, "Conditional Numerical Reproducibility"). On Intel's CPUs alone: elsewhere
///                    AUTO means MKL's slowest code.
///
/// From an entry of .preinit_array (ELF gABI, "Initialization and Termination Functions") this takes 5 ms,
/// from main 250.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <sys/auxv.h>
#include <unistd.h>

namespace {

constexpr long kSpinNanoseconds = 25'000;  // docs/threads.md compares other values

bool is_set(char** environment, const char* name) {
  const std::size_t length = std::strlen(name);
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
      return true;
    }
  }
  return false;
}

/// The number of pauses in this time: one is 10 to 150 cycles, depending on the CPU.
long pauses_in(long nanoseconds) {
  constexpr long kSample = 500;
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000'000'000L + time.tv_nsec;
  };
  const long begin = now();
  for (long i = 0; i < kSample; ++i) {
    __builtin_ia32_pause();  // as the runtime does
  }
  return nanoseconds * kSample / std::max(now() - begin, 1L);
}

/// Gives up silently on any error: the program then runs with the libraries' defaults.
void execute_again_with_settings(int /*argc*/, char** arguments, char** environment) {
  // "ld-linux-x86-64.so.2 PROGRAM": /proc/self/exe is the loader, which then has no base of its own.
  const bool started_by_loader = getauxval(AT_BASE) == 0;
  std::vector<std::string> settings;
  if (!is_set(environment, "GOMP_SPINCOUNT") && !is_set(environment, "OMP_WAIT_POLICY")) {
    settings.push_back("GOMP_SPINCOUNT=" + std::to_string(pauses_in(kSpinNanoseconds)));
  }
  if (!is_set(environment, "GLIBC_TUNABLES")) {
    settings.emplace_back("GLIBC_TUNABLES=glibc.malloc.hugetlb=1");
  }
  __builtin_cpu_init();
  if (__builtin_cpu_is("intel") && !is_set(environment, "MKL_CBWR")) {
    settings.emplace_back("MKL_CBWR=AUTO,STRICT");
  }
  if (started_by_loader || settings.empty()) {
    return;
  }
  std::string path(4096, '\0');  // not the link itself: the process would be named "exe"
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<std::size_t>(length) == path.size()) {
    return;
  }
  path.resize(static_cast<std::size_t>(length));
  std::vector<char*> changed;
  for (; *environment != nullptr; ++environment) {
    changed.push_back(*environment);
  }
  for (std::string& setting : settings) {
    changed.push_back(setting.data());
  }
  changed.push_back(nullptr);
  execve(path.c_str(), arguments, changed.data());
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kStart)(int, char**,
                                                                   char**) = execute_again_with_settings;

}  // namespace
