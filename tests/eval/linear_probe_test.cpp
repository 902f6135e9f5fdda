#include "routedk/eval/linear_probe.h"

#include "routedk/experts/router.h"

#include "support/expect_close.h"
#include "support/tiny_llama.h"
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

/// [rows,columns] of keyed values.
at::Tensor values(const std::string& name, std::int64_t rows, std::int64_t columns) {
  const std::vector<float> all = testing::tiny_values(name, rows * columns, 0.0, 1.0);
  return at::tensor(all).view({rows, columns});
}

TEST(ProbeR2, finds_what_lies_in_a_direction_and_nothing_in_noise) {
  const at::Tensor z = values("z", 200, 20);
  const at::Tensor direction = values("direction", 20, 1).squeeze(1);
  const at::Tensor y = at::mv(z, direction);
  EXPECT_GT(probe_r2(z, y), 0.95);
  EXPECT_NEAR(probe_r2(z * 1000.0, 3.0 * y + 7.0), probe_r2(z, y), 1e-6) << "scale and place do not matter";
  EXPECT_LT(probe_r2(z, values("noise", 200, 1).squeeze(1)), 0.1);
  EXPECT_EQ(probe_r2(z, at::ones({200})), 0.0);
  EXPECT_EQ(probe_r2(z.narrow(0, 0, 5), y.narrow(0, 0, 5)), 0.0);
}

TEST(PoolRecorder, keeps_what_the_router_pools_and_changes_nothing) {
  const experts::FixedGate gate({0.25F, 0.75F});
  const PoolRecorder recorder(gate, /*rms=*/true);
  const model::FlatBatch batch = model::FlatBatch::make({{1, 2, 3}, {4, 5}}, {2, 1});
  const at::Tensor hidden = values("hidden", 5, 8);
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    testing::expect_equal(recorder.rows(layer, hidden * (layer + 1), batch).alpha,
                          gate.rows(layer, hidden, batch).alpha);
  }
  recorder.rows(0, hidden, batch);
  const auto pooled = recorder.pooled();
  ASSERT_EQ(pooled.size(), 2U);
  EXPECT_EQ(pooled[0].size(0), 4);
  testing::expect_equal(pooled[1], experts::pool_prompts(hidden * 2, batch, true));
}

}  // namespace
}  // namespace routedk::eval
