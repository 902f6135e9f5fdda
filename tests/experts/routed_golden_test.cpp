#include "routedk/experts/peft.h"
#include "routedk/experts/routed_model.h"
#include "routedk/experts/router_file.h"

#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::expect_close;

/// make_routed.py: scripts/routedk_transformers.py with three routers.
class RoutedGolden : public ::testing::TestWithParam<const char*> {
 protected:
  RoutedGolden() {
    backbone_ = std::make_shared<const model::Backbone>(
        model::Backbone::load(testing::golden_path("tiny_llama.gguf"), testing::dense()));
    router_ =
        std::make_shared<NamedRouter>(load_router(testing::golden_path(GetParam()), backbone_->config()));
    std::vector<std::shared_ptr<Expert>> experts;
    for (const std::string& name : router_->experts) {
      experts.push_back(std::make_shared<Expert>(
          load_peft(testing::golden_path("tiny_peft") / name, name, backbone_->config())));
    }
    bank_ = std::make_shared<ExpertBank>(std::move(experts));
    bank_->freeze(at::kFloat);
  }

  std::pair<at::Tensor, std::vector<GateRows>> routed(const std::vector<std::int32_t>& ids,
                                                      const Gate& gate) const {
    const at::NoGradGuard no_grad;
    const auto batch = model::FlatBatch::make({ids}, {5});
    RoutedOutput output = RoutedModel(backbone_, bank_).forward({batch, gate});
    return {backbone_->logits(output.hidden), std::move(output.rows)};
  }
  at::Tensor golden(const std::string& tensor) const { return golden_[GetParam() + ("." + tensor)]; }

  testing::Golden golden_{"tiny_routed.safetensors"};
  std::shared_ptr<const model::Backbone> backbone_;
  std::shared_ptr<NamedRouter> router_;
  std::shared_ptr<ExpertBank> bank_;
};

INSTANTIATE_TEST_SUITE_P(Routers, RoutedGolden,
                         ::testing::Values("tiny_router", "tiny_router_options", "tiny_router_static"),
                         [](const auto& test) { return test.param; });

TEST_P(RoutedGolden, alphas_and_logits_equal_those_of_transformers_and_peft) {
  const auto ids = testing::ids_of(golden_["ids"]);
  const auto [prompt, rows] = routed({ids.begin(), ids.begin() + 5}, router_->gate);
  expect_close(prompt, golden("prompt"), {0.0, 1e-4});
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    const at::Tensor wanted = golden("alpha")[static_cast<std::int64_t>(layer)];
    expect_close(rows[layer].alpha[0], wanted, {0.0, 1e-5});
  }
  expect_close(routed(ids, FrozenGate(rows)).first, golden("whole"), {0.0, 1e-4});
  expect_close(routed(ids, router_->gate).first, golden("whole"), {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(routed(ids, FixedGate::average(3)).first, golden("whole")), 1e-2);
}

}  // namespace
}  // namespace routedk::experts
