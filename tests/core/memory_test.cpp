#include "routedk/core/memory.h"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace routedk {
namespace {

/// The block is the kernel's own: an allocator, that of a sanitizer above all, may keep what is freed.
TEST(Memory, a_touched_block_is_counted_and_stays_in_the_peak) {
  constexpr std::size_t kMib = 96;
  constexpr std::size_t kBytes = kMib << 20U;
  const double before = resident_memory_mib();
  void* const block = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  std::memset(block, 1, kBytes);
  EXPECT_NEAR(resident_memory_mib() - before, kMib, 0.1 * kMib);
  ASSERT_EQ(munmap(block, kBytes), 0);
  EXPECT_LT(resident_memory_mib(), before + 0.2 * kMib);
  EXPECT_GT(peak_memory_mib(), before + 0.9 * kMib);
}

}  // namespace
}  // namespace routedk
