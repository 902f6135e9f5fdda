#include "routedk/core/memory.h"

#include <vector>

#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(Memory, a_touched_block_is_counted_and_stays_in_the_peak) {
  constexpr double kMib = 96;
  const double before = resident_memory_mib();
  {
    const std::vector<char> block(static_cast<std::size_t>(kMib * (1 << 20)), 1);
    EXPECT_NEAR(resident_memory_mib() - before, kMib, 0.1 * kMib) << block.back();
  }
  EXPECT_LT(resident_memory_mib(), before + 0.2 * kMib);
  EXPECT_GT(peak_memory_mib(), before + 0.9 * kMib);
}

}  // namespace
}  // namespace routedk
