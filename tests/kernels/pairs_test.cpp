#include "routedk/kernels/cpu/pairs.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels::cpu {
namespace {

/// Numbers of all magnitudes, with ties between neighbours of bfloat16, infinities and zeros.
at::Tensor numbers(std::int64_t size) {
  at::Tensor x =
      at::sin(at::arange(size, at::kFloat) * 1.7) * at::exp(at::sin(at::arange(size, at::kFloat)) * 40);
  const std::vector<float> special = {0.0F, -0.0F, INFINITY, -INFINITY, 1.00390625F, 1.01171875F, 3.4e38F};
  for (std::size_t i = 0; i < special.size() && static_cast<std::int64_t>(i) < size; ++i) {
    x[static_cast<std::int64_t>(i)] = special[i];
  }
  return x;
}

/// Pairs as numbers [2 n], in float.
at::Tensor read(const std::vector<Pair>& pairs) {
  at::Tensor x = at::empty({static_cast<std::int64_t>(pairs.size()) * 2}, at::kBFloat16);
  std::memcpy(x.data_ptr(), pairs.data(), pairs.size() * sizeof(Pair));
  return x.to(at::kFloat);
}

TEST(Pairs, hold_a_row_s_numbers_rounded_to_bfloat16_and_a_zero_beyond_an_odd_one) {
  for (const std::int64_t size : {1, 2, 7, 31, 32, 33, 100}) {
    const at::Tensor x = numbers(size);
    std::vector<Pair> pairs(static_cast<std::size_t>(pairs_of(size)), 0xFFFFFFFF);
    to_pairs(x.const_data_ptr<float>(), size, pairs.data());
    const at::Tensor wanted = at::zeros({pairs_of(size) * 2});
    wanted.narrow(0, 0, size).copy_(x.to(at::kBFloat16));
    testing::expect_equal(read(pairs), wanted);
  }
}

TEST(Pairs, of_two_rows_stand_first_below_second) {
  for (const std::int64_t size : {1, 7, 16, 17, 33}) {
    const at::Tensor first = numbers(size);
    const at::Tensor second = numbers(size).flip(0).contiguous();
    std::vector<Pair> pairs(static_cast<std::size_t>(size));
    interleave(first.const_data_ptr<float>(), second.const_data_ptr<float>(), size, pairs.data());
    testing::expect_equal(read(pairs),
                          at::stack({first, second}, 1).view(-1).to(at::kBFloat16).to(at::kFloat));
    interleave(first.const_data_ptr<float>(), nullptr, size, pairs.data());
    testing::expect_equal(
        read(pairs), at::stack({first, at::zeros_like(first)}, 1).view(-1).to(at::kBFloat16).to(at::kFloat));
  }
}

TEST(Pairs, keep_what_is_not_a_number) {
  const std::vector<float> row(40, std::nanf(""));
  std::vector<Pair> pairs(20);
  to_pairs(row.data(), 40, pairs.data());
  EXPECT_TRUE(read(pairs).isnan().all().item<bool>());
}

}  // namespace
}  // namespace routedk::kernels::cpu
