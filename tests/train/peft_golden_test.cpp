/// Ten training steps on the real model beside transformers + PEFT + torch in fp32 (make_training.py).
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include "support/real_model.h"
#include "train/ten_steps.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_close;

class PeftGolden : public testing::RealModel {
 protected:
  static std::shared_ptr<const model::Backbone> backbone(kernels::Precision precision) {
    return std::make_shared<const model::Backbone>(
        model::Backbone::load(testing::real_model_path(), testing::dense(precision)));
  }
  static std::shared_ptr<experts::Expert> expert(const model::Backbone& backbone) {
    return testing::sine_expert(backbone.config(), 16.0, 0.01, 0.011);
  }
  testing::TenSteps steps(kernels::Precision precision) const {
    const auto model = backbone(precision);
    return testing::ten_steps(model, expert(*model), TrainConfig{}.learning_rate, examples_);
  }

  const testing::Golden golden_{"smollm2_training.safetensors"};
  /// Of layers 0 and 29, linears q_proj and down_proj.
  const testing::Gradients gradients_ = testing::gradients_in(golden_);

  const std::vector<Example> examples_ = {example("0"), example("1")};

 private:
  Example example(const std::string& name) const {
    const std::vector<std::int32_t> ids = testing::ids_of(golden_[name + ".ids"]);
    const auto prompt = ids.begin() + golden_[name + ".prompt_length"].item<std::int64_t>();
    return {{ids.begin(), prompt}, {prompt, ids.end()}, 0, std::stoull(name)};
  }
};

TEST_F(PeftGolden, ten_losses_gradient_norms_and_first_gradients_equal_peft) {
  const testing::TenSteps found = steps(kernels::Precision::kFloat32);
  expect_close(found.losses, golden_["losses"], {1e-3, 0.0});
  expect_close(found.grad_norms, golden_["grad_norms"], {5e-3, 0.0});
  EXPECT_EQ(gradients_.size(), 2U * 2U * 2U);
  for (const auto& [name, wanted] : gradients_) {
    SCOPED_TRACE(name);
    expect_close(found.gradients.at(name), wanted, testing::share_of_largest(wanted, 2e-3));
  }
}

TEST_F(PeftGolden, ten_losses_in_bfloat16_are_within_3_percent_and_gradients_within_5) {
  const testing::TenSteps found = steps(kernels::Precision::kBFloat16);
  expect_close(found.losses, golden_["losses"], {0.03, 0.0});
  EXPECT_LT(testing::gradient_error(found.gradients, gradients_, 'B'), 0.05);
  const testing::TenSteps exact = steps(kernels::Precision::kFloat32);
  EXPECT_LT(testing::gradient_error(found.gradients, exact.gradients, 'B'), 0.05);
  const auto model = backbone(kernels::Precision::kBFloat16);
  const testing::Gradients second = testing::second_gradients(
      model, expert(*model), TrainConfig{}.learning_rate, examples_, exact.gradients);
  EXPECT_LT(testing::gradient_error(second, gradients_, 'A'), 0.05);
  EXPECT_LT(testing::gradient_error(second, exact.gradients, 'A'), 0.05);
}

}  // namespace
}  // namespace routedk::train
