/// libFuzzer's entry: the input as a file in memory, given to ROUTEDK_FUZZ_TARGET.
#include "routedk/core/error.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "targets.h"
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = ::memfd_create("input", 0);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  try {
    routedk::fuzz::ROUTEDK_FUZZ_TARGET("/proc/self/fd/" + std::to_string(file));
  } catch (const routedk::UserError&) {  // refused, as it may be
  }
  ::close(file);
  return 0;
}
