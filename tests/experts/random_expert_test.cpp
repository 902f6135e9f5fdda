#include "routedk/experts/random_expert.h"

#include "experts/tiny_experts.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

TEST(RandomExpert, every_delta_has_the_frobenius_norm_of_the_trained_one_and_no_other_likeness) {
  for (const auto& trained : testing::tiny_experts()) {
    const ExpertBank bank(
        {trained, std::make_shared<Expert>(random_expert("random", *trained, testing::tiny_config(), 3))});
    EXPECT_EQ(bank[1].plan().sizes, trained->plan().sizes);
    trained->for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors&) {
      const at::Tensor wanted = testing::dense_delta(bank, {1.0, 0.0}, layer, linear);
      const at::Tensor found = testing::dense_delta(bank, {0.0, 1.0}, layer, linear);
      const double norm = wanted.norm().item<double>();
      EXPECT_GT(norm, 0.0);
      EXPECT_NEAR(found.norm().item<double>() / norm, 1.0, 1e-5);
      EXPECT_LT(std::abs((found * wanted).sum().item<double>()) / (norm * norm), 0.6);
    });
  }
}

TEST(RandomExpert, where_nothing_was_learnt_there_is_no_delta) {
  Expert untrained("base", testing::tiny_config(), LoraOptions{.rank = 2});
  untrained.initialise(1);
  const Expert random = random_expert("random", untrained, testing::tiny_config(), 1);
  random.for_each([&](std::int64_t, model::Linear, const LoraFactors& f) {
    EXPECT_EQ(f.bt.abs().max().item<float>(), 0.0F);
    EXPECT_GT(f.a.abs().max().item<float>(), 0.0F);
  });
}

TEST(RandomExpert, its_values_are_keyed_by_seed_and_name) {
  const auto trained = testing::tiny_experts().front();
  const auto values = [&](const char* name, std::uint64_t seed) {
    return random_expert(name, *trained, testing::tiny_config(), seed).parameters().values().clone();
  };
  testing::expect_equal(values("a", 1), values("a", 1));
  EXPECT_FALSE(values("a", 1).equal(values("b", 1)));
  EXPECT_FALSE(values("a", 1).equal(values("a", 2)));
}

}  // namespace
}  // namespace routedk::experts
