#include "routedk/model/rotary.h"

#include <cmath>

#include "support/expect_close.h"
#include "support/wave.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

TEST(Rotary, turns_each_half_split_pair_by_its_angle) {
  const std::int64_t tokens = 3;
  const std::int64_t heads = 2;
  const std::int64_t size = 8;
  const double theta = 500.0;
  LlamaConfig config;
  config.head_dim = size;
  config.rope_theta = theta;
  const at::Tensor positions = at::tensor({0, 5, 300}, at::kLong);
  const at::Tensor x = testing::wave({tokens, heads, size}, 1.0);
  const at::Tensor found = kernels::rotate(x, Rotary(config).tables(positions, at::kFloat));
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t i = 0; i < size / 2; ++i) {
        const double angle =
            positions[t].item<double>() * std::pow(theta, -2.0 * static_cast<double>(i) / size);
        const double first = x[t][h][i].item<double>();
        const double second = x[t][h][i + size / 2].item<double>();
        EXPECT_NEAR(found[t][h][i].item<double>(), first * std::cos(angle) - second * std::sin(angle), 1e-4);
        EXPECT_NEAR(found[t][h][i + size / 2].item<double>(),
                    second * std::cos(angle) + first * std::sin(angle), 1e-4);
      }
    }
  }
}

/// The formula of Llama 3.1 in doubles, one frequency at a time.
double naive_frequency(const LlamaConfig& c, std::int64_t i) {
  const RopeScaling& s = *c.rope_scaling;
  const double plain =
      std::pow(c.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(c.head_dim));
  const double turns = static_cast<double>(s.original_context) * plain / (2.0 * M_PI);  // in that context
  if (turns > s.high_freq_factor) {
    return plain;
  }
  if (turns < s.low_freq_factor) {
    return plain / s.factor;
  }
  const double share = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1.0 - share) * plain / s.factor + share * plain;
}

TEST(Rotary, llama_3_scaling_slows_the_long_wavelengths_alone) {
  LlamaConfig config;
  config.head_dim = 128;
  config.rope_theta = 500000.0;
  const at::Tensor plain = inverse_frequencies(config);
  config.rope_scaling = RopeScaling{};
  const at::Tensor scaled = inverse_frequencies(config);
  for (std::int64_t i = 0; i < 64; ++i) {
    const double wanted = naive_frequency(config, i);
    EXPECT_NEAR(scaled[i].item<double>(), wanted, 1e-5 * wanted) << i;
  }
  testing::expect_equal(scaled.narrow(0, 0, 20), plain.narrow(0, 0, 20));
  testing::expect_close(scaled.narrow(0, 40, 24) * 8, plain.narrow(0, 40, 24));
}

TEST(Rotary, divisors_divide_the_inverse_frequencies) {
  LlamaConfig config;
  config.head_dim = 8;
  const at::Tensor plain = inverse_frequencies(config);
  config.rope_divisors = {1.0F, 2.0F, 4.0F, 8.0F};
  testing::expect_equal(inverse_frequencies(config), plain / at::tensor({1.0F, 2.0F, 4.0F, 8.0F}));
}

}  // namespace
}  // namespace routedk::model
