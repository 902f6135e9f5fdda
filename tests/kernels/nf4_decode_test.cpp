#include "routedk/kernels/cpu/nf4_decode.h"

#include "routedk/core/random.h"
#include "routedk/kernels/cpu/capability.h"
#include "routedk/kernels/cpu/nf4_codec.h"

#include <mutex>
#include <set>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels::cpu {
namespace {

/// Random codes and scales for `count` elements.
struct Packed {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;
};

Packed random_packed(std::int64_t count) {
  Random random(7, "nf4_kernel_test", {static_cast<std::uint64_t>(count)});
  Packed packed;
  for (std::int64_t i = 0; i < nf4_bytes(count); ++i) {
    packed.codes.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  for (std::int64_t i = 0; i < nf4_blocks(count); ++i) {
    packed.absmax.push_back(static_cast<float>(random.uniform()));
  }
  return packed;
}

class Nf4Kernel : public ::testing::TestWithParam<std::int64_t> {};

// Less than a block, whole blocks, odd counts, more than one thread's share.
INSTANTIATE_TEST_SUITE_P(Counts, Nf4Kernel,
                         ::testing::Values(1, 15, 63, 64, 65, 127, 640, 4097, 200000, 200063),
                         ::testing::PrintToStringParamName());

TEST_P(Nf4Kernel, float_output_equals_the_reference_bit_for_bit) {
  const Packed packed = random_packed(GetParam());
  std::vector<float> wanted(static_cast<std::size_t>(GetParam()));
  nf4_dequantize(packed.codes, packed.absmax, wanted);
  std::vector<float> found(wanted.size(), -5.0F);
  Absmax absmax;
  absmax.plain = packed.absmax.data();
  nf4_to_float(packed.codes.data(), absmax, found);
  EXPECT_EQ(found, wanted) << name_of(cpu_isa());
}

TEST_P(Nf4Kernel, bfloat16_output_equals_the_rounded_reference_bit_for_bit) {
  const Packed packed = random_packed(GetParam());
  std::vector<float> exact(static_cast<std::size_t>(GetParam()));
  nf4_dequantize(packed.codes, packed.absmax, exact);
  std::vector<c10::BFloat16> found(exact.size());
  Absmax absmax;
  absmax.plain = packed.absmax.data();
  nf4_to_bfloat16(packed.codes.data(), absmax, found);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    ASSERT_EQ(found[i].x, c10::BFloat16(exact[i]).x) << i << " on " << name_of(cpu_isa());
  }
}

TEST(Nf4KernelThreads, parallel_for_sees_more_than_one_thread) {
  if (std::thread::hardware_concurrency() < 2) {
    GTEST_SKIP() << "this machine has one core";
  }
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  at::parallel_for(0, 64, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  at::set_num_threads(before);
  EXPECT_GT(seen.size(), 1U);
}

}  // namespace
}  // namespace routedk::kernels::cpu
