#include "routedk/model/rotary.h"

#include <cmath>

#include <gtest/gtest.h>

namespace routedk::model {
namespace {

TEST(Rotary, turns_each_half_split_pair_by_its_angle) {
  const std::int64_t tokens = 3;
  const std::int64_t heads = 2;
  const std::int64_t size = 8;
  const double theta = 500.0;
  const at::Tensor positions = at::tensor({0, 5, 300}, at::kLong);
  const at::Tensor x = at::sin(at::arange(tokens * heads * size, at::kFloat)).view({tokens, heads, size});
  const at::Tensor found = rotate(x, Rotary(size, theta).tables(positions, at::kFloat));
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

}  // namespace
}  // namespace routedk::model
