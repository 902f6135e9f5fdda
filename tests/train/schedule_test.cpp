#include "routedk/train/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace routedk::train {
namespace {

/// transformers' lambdas, written out, but for a warm-up that begins above 0.
double naive(const std::string& kind, int warmup, int steps, int step) {
  if (step < warmup) {
    return static_cast<double>(step + 1) / (warmup + 1);
  }
  const double progress = static_cast<double>(step - warmup) / std::max(1, steps - warmup);
  if (kind == "cosine") {
    return std::max(0.0, 0.5 * (1.0 + std::cos(M_PI * 0.5 * 2.0 * progress)));
  }
  return kind == "linear" ? std::max(0.0, static_cast<double>(steps - step) / std::max(1, steps - warmup))
                          : 1.0;
}

TEST(Schedule, follows_the_written_out_formulas) {
  for (const char* kind : {"cosine", "linear", "constant"}) {
    for (const auto& [share, steps, warmup] :
         {std::tuple(0.03, 100, 3), {0.03, 101, 4}, {0.0, 7, 0}, {1.0, 5, 5}}) {
      const Schedule schedule(find_enum<ScheduleKind>(kind).value(), share, steps);
      for (int step = 0; step < steps; ++step) {
        EXPECT_NEAR(schedule.factor(step), naive(kind, warmup, steps, step), 1e-12)
            << kind << " step " << step;
      }
    }
  }
}

TEST(Schedule, no_step_of_a_warm_up_is_without_effect) {
  EXPECT_GT(Schedule(ScheduleKind::kCosine, 0.03, 93).factor(0), 0.2);
}

TEST(Schedule, another_word_is_no_kind) {
  EXPECT_EQ(find_enum<ScheduleKind>("cosin"), std::nullopt);
}

}  // namespace
}  // namespace routedk::train
