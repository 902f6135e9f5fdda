#include "routedk/experts/expert.h"

#include "routedk/core/error.h"

#include <cmath>

#include "support/expect_close.h"
#include "support/tiny_llama.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::tiny_config;

TEST(Expert, starts_with_uniform_a_within_one_over_root_in_and_zero_b) {
  LoraOptions config;
  config.rank = 8;
  Expert expert("base", tiny_config(), config);
  expert.initialise(1);
  for (const model::Linear linear : {model::Linear::kQ, model::Linear::kDown}) {
    const LoraFactors& f = expert.factors(1, linear);
    const double bound = 1.0 / std::sqrt(static_cast<double>(f.a.size(1)));
    EXPECT_LE(f.a.abs().max().item<double>(), bound);
    EXPECT_NEAR(f.a.std().item<double>(), bound / std::sqrt(3.0), 0.15 * bound);
    EXPECT_EQ(f.bt.abs().max().item<double>(), 0.0);
  }
}

TEST(Expert, initial_factors_depend_on_seed_and_name_alone) {
  const auto values = [](const std::string& name, std::uint64_t seed) {
    Expert expert(name, tiny_config(), LoraOptions{});
    expert.initialise(seed);
    return expert.parameters().values();
  };
  testing::expect_equal(values("base", 1), values("base", 1));
  EXPECT_FALSE(at::equal(values("base", 1), values("base", 2)));
  EXPECT_FALSE(at::equal(values("base", 1), values("other", 1)));
}

TEST(Expert, has_no_factors_where_it_adapts_nothing) {
  const Expert expert("base", tiny_config(), LoraOptions{4, 8.0, false, {model::Linear::kV}});
  EXPECT_FALSE(expert.factors(0, model::Linear::kQ).a.defined());
  EXPECT_EQ(expert.factors(0, model::Linear::kV).a.sizes(), (at::IntArrayRef{4, 32}));
  EXPECT_EQ(expert.factors(0, model::Linear::kV).bt.sizes(), (at::IntArrayRef{4, 16}));
  EXPECT_EQ(expert.parameters().size(), 2 * 4 * (32 + 16));
}

TEST(LoraPlan, scale_is_alpha_over_rank_or_over_its_root) {
  EXPECT_DOUBLE_EQ(LoraPlan(tiny_config(), false).scale({16, 32.0}), 2.0);
  EXPECT_DOUBLE_EQ(LoraPlan(tiny_config(), true).scale({16, 32.0}), 8.0);
}

TEST(Expert, each_linear_has_its_own_rank_and_scale) {
  LoraPlan plan(tiny_config(), false);
  plan.at(0, model::Linear::kQ) = {2, 8.0};
  plan.at(1, model::Linear::kQ) = {5, 5.0};
  const Expert expert("mixed", tiny_config(), plan);
  EXPECT_EQ(expert.factors(0, model::Linear::kQ).a.size(0), 2);
  EXPECT_EQ(expert.factors(1, model::Linear::kQ).bt.size(0), 5);
  EXPECT_DOUBLE_EQ(expert.factors(0, model::Linear::kQ).scale, 4.0);
  EXPECT_DOUBLE_EQ(expert.factors(1, model::Linear::kQ).scale, 1.0);
  EXPECT_FALSE(expert.factors(0, model::Linear::kK).a.defined());
  EXPECT_EQ(expert.parameters().size(), 7 * (32 + 32));
}

TEST(Expert, ranks_and_alphas_that_are_not_positive_are_refused) {
  const auto make = [](std::int64_t rank, double alpha) {
    return Expert("base", tiny_config(), LoraOptions{.rank = rank, .alpha = alpha});
  };
  EXPECT_THROW(make(0, 32.0), ConfigError);
  EXPECT_THROW(make(1, 0.0), ConfigError);
  EXPECT_THROW(make(1, std::nan("")), ConfigError);
}

}  // namespace
}  // namespace routedk::experts
