/// make_tiny_training.py: transformers + PEFT + torch, in fp32.
#include "train/tiny_golden.h"

#include "routedk/experts/peft.h"
#include "routedk/experts/router.h"
#include "routedk/train/answer_loss.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_close;

const testing::Golden& golden() {
  static const testing::Golden file("tiny_training.safetensors");
  return file;
}

void expect_golden(const at::Tensor& found, const std::string& name) {
  SCOPED_TRACE(name);
  expect_close(found, golden()[name], testing::share_of_largest(golden()[name], 1e-5));
}

TEST(TinyGolden, ten_losses_and_every_named_gradient_of_an_expert_equal_pefts) {
  const testing::TenSteps steps = testing::tiny_steps(kernels::Precision::kFloat32);
  expect_close(steps.losses, golden()["losses"], {1e-5, 0.0});
  expect_close(steps.grad_norms, golden()["grad_norms"], {1e-5, 0.0});
  EXPECT_EQ(steps.gradients.size(), 2U * 3U * 7U);
  for (const auto& [name, gradient] : steps.gradients) {
    expect_golden(gradient, name);
  }
}

TEST(TinyGolden, loss_and_gradient_of_a_router_equal_torchs) {
  const auto backbone = testing::golden_backbone();
  std::vector<std::shared_ptr<experts::Expert>> experts;
  for (const char* name : {"one", "two", "three"}) {
    experts.push_back(std::make_shared<experts::Expert>(
        experts::load_peft(testing::golden_path("tiny_peft") / name, name, backbone->config())));
  }
  const auto bank = std::make_shared<experts::ExpertBank>(std::move(experts));
  bank->freeze(at::kFloat);
  experts::RouterGate router(3, 16, 3);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    router.weight(layer).copy_(golden()[fmt::format("router.{}.weight", layer)]);
    router.bias(layer).copy_(golden()[fmt::format("router.{}.bias", layer)]);
  }
  router.parameters().set_trainable(true);
  const std::vector<Example> examples = testing::golden_examples();
  const PackedBatch batch = pack(testing::pointers(examples));
  const at::Tensor loss = answer_loss_sum({backbone, bank}, router, batch) / batch.answer_tokens();
  loss.backward();
  EXPECT_NEAR(loss.item<double>() / golden()["router.loss"].item<double>(), 1.0, 1e-5);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    expect_golden(router.weight(layer).grad(), fmt::format("router.{}.grad_weight", layer));
    expect_golden(router.bias(layer).grad(), fmt::format("router.{}.grad_bias", layer));
  }
}

}  // namespace
}  // namespace routedk::train
