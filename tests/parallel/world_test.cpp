#include "routedk/parallel/world.h"

#include "routedk/core/error.h"

#include <mutex>
#include <stdexcept>

#include "support/worlds.h"
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::parallel {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::seconds kShort{3};

TEST(World, OfOneChangesNothing) {
  const World world;
  at::Tensor values = at::arange(5, at::kFloat);
  world.sum(values);
  EXPECT_TRUE(values.equal(at::arange(5, at::kFloat)));
  EXPECT_EQ(world.sum(2.5), 2.5);
  EXPECT_EQ(world.greatest(3), 3);
  EXPECT_EQ(world.from_first("text"), "text");
  EXPECT_TRUE(world.gather(values.view({5, 1})).equal(values.view({5, 1})));
  EXPECT_THAT(share_of(std::vector<int>{1, 2, 3}, world), ElementsAre(1, 2, 3));
  world.wait_for_all();
}

class Worlds : public ::testing::TestWithParam<int> {};

/// Against a sum made here, in the order of ranks: floats of two processes have one order, those of more any.
TEST_P(Worlds, SumTheSameBitsEverywhere) {
  const int size = GetParam();
  const at::Tensor values = at::randn({size, 100'003});
  for (int run = 0; run < 2; ++run) {
    std::vector<at::Tensor> sums(static_cast<std::size_t>(size));
    EXPECT_THAT(in_worlds(size,
                          [&](const World& world) {
                            at::Tensor own = values[world.rank()].clone();
                            world.sum(own);
                            sums[static_cast<std::size_t>(world.rank())] = own;
                          }),
                Each(IsEmpty()));
    static at::Tensor first;
    first = run == 0 ? sums[0] : first;
    for (const at::Tensor& sum : sums) {
      EXPECT_TRUE(sum.equal(first)) << "run " << run;
      EXPECT_TRUE(sum.allclose(values.sum(0), 1e-5, 1e-5));
    }
  }
}

TEST_P(Worlds, GatherRowsInTheOrderOfRanks) {
  const int size = GetParam();
  EXPECT_THAT(
      in_worlds(size,
                [&](const World& world) {  // rank r has r rows, so rank 0 has none
                  const auto rank = static_cast<std::int64_t>(world.rank());
                  const at::Tensor own = rank == 0 ? at::Tensor() : at::full({rank, 2}, rank, at::kFloat);
                  const at::Tensor all = world.gather(own);
                  ASSERT_EQ(all.size(0), static_cast<std::int64_t>(size) * (size - 1) / 2);
                  EXPECT_EQ(all[0][0].item<float>(), 1.0F);
                  EXPECT_EQ(all[-1][1].item<float>(), static_cast<float>(size - 1));
                }),
      Each(IsEmpty()));
}

TEST_P(Worlds, ShareNumbersTextsAndItems) {
  const int size = GetParam();
  std::mutex lock;
  std::vector<int> taken;
  EXPECT_THAT(in_worlds(size,
                        [&](const World& world) {
                          EXPECT_EQ(world.sum(std::int64_t{world.rank()}), size * (size - 1) / 2);
                          EXPECT_EQ(world.greatest(world.rank()), size - 1);
                          const std::string text = world.first() ? "of \xff rank 0" : "mine";
                          EXPECT_EQ(world.from_first(text), "of \xff rank 0");
                          EXPECT_EQ(world.from_first(""), "");
                          const std::lock_guard guard(lock);
                          for (const int item : share_of(std::vector<int>{0, 1, 2, 3, 4, 5, 6}, world)) {
                            taken.push_back(item);
                          }
                        }),
              Each(IsEmpty()));
  EXPECT_THAT(taken, ::testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Worlds, ::testing::Values(2, 3));

TEST(Worlds, SayThatAnotherIsLost) {
  const auto errors = in_worlds(2, [](const World& world) {
    if (world.rank() == 1) {
      throw std::runtime_error("mine");  // its world ends with it
    }
    world.wait_for_all();
  });
  EXPECT_THAT(errors[0], HasSubstr("all processes must run until the end, but rank 0 has lost another"));
  EXPECT_EQ(errors[1], "mine");
}

/// What each of two processes says that join as they are told.
std::vector<std::string> joining(const Launch& a, const Launch& b) {
  std::vector<std::string> errors(2);
  const auto attempt = [&](const Launch& launch, std::string& error) {
    try {
      World(launch, {kShort, kShort}).wait_for_all();
    } catch (const Error& e) {
      error = e.what();
    }
  };
  std::thread other([&] { attempt(b, errors[1]); });
  attempt(a, errors[0]);
  other.join();
  return errors;
}

TEST(Joining, NamesWhoDidNotCome) {
  const int port = free_port();
  const auto errors = joining(launch_on(port, 0, 4), launch_on(port, 2, 4));
  EXPECT_THAT(errors[0], HasSubstr("all 4 processes must join within 3 s, but rank 1, 3 did not"));
}

TEST(Joining, RefusesARankThatComesTwice) {
  const int port = free_port();
  const std::string all = ::testing::PrintToString(joining(launch_on(port, 0, 2), launch_on(port, 0, 2)));
  EXPECT_THAT(all, HasSubstr("rank 0 must be one process and have 127.0.0.1"));
}

TEST(Joining, RefusesDifferentSizes) {
  const int port = free_port();
  const std::string all = ::testing::PrintToString(joining(launch_on(port, 0, 2), launch_on(port, 1, 3)));
  EXPECT_THAT(all, HasSubstr("the number of processes must be the same in all"));
}

TEST(Joining, SaysWhereRankZeroIsMissing) {
  try {
    const World world(launch_on(free_port(), 1, 2), {kShort, kShort});
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("(MASTER_ADDR, MASTER_PORT) within 3 s, but rank 1 does not reach it"));
  }
}

}  // namespace
}  // namespace routedk::parallel
