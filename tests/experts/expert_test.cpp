#include "routedk/experts/expert.h"

#include "routedk/core/error.h"

#include <cmath>

#include "support/tiny_llama.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::tiny_config;

TEST(Expert, starts_with_uniform_a_within_one_over_root_in_and_zero_b) {
  LoraConfig config;
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
    Expert expert(name, tiny_config(), LoraConfig{});
    expert.initialise(seed);
    return expert.parameters().values();
  };
  EXPECT_TRUE(at::equal(values("base", 1), values("base", 1)));
  EXPECT_FALSE(at::equal(values("base", 1), values("base", 2)));
  EXPECT_FALSE(at::equal(values("base", 1), values("other", 1)));
}

TEST(Expert, has_no_factors_where_it_adapts_nothing) {
  const Expert expert("base", tiny_config(), {4, 8.0, false, {model::Linear::kV}});
  EXPECT_FALSE(expert.factors(0, model::Linear::kQ).a.defined());
  EXPECT_EQ(expert.factors(0, model::Linear::kV).a.sizes(), (at::IntArrayRef{4, 32}));
  EXPECT_EQ(expert.factors(0, model::Linear::kV).bt.sizes(), (at::IntArrayRef{4, 16}));
  EXPECT_EQ(expert.parameters().size(), 2 * 4 * (32 + 16));
}

TEST(LoraConfig, scale_is_alpha_over_rank_or_over_its_root) {
  EXPECT_DOUBLE_EQ((LoraConfig{16, 32.0, false, {}}.scale()), 2.0);
  EXPECT_DOUBLE_EQ((LoraConfig{16, 32.0, true, {}}.scale()), 8.0);
}

TEST(Expert, ranks_and_alphas_that_are_not_positive_are_refused) {
  EXPECT_THROW(Expert("base", tiny_config(), {0, 32.0, false, {}}), ConfigError);
  EXPECT_THROW(Expert("base", tiny_config(), {1, 0.0, false, {}}), ConfigError);
  EXPECT_THROW(Expert("base", tiny_config(), {1, std::nan(""), false, {}}), ConfigError);
}

}  // namespace
}  // namespace routedk::experts
