/// Ten training steps on the real model beside transformers + PEFT + torch in fp32 (make_training.py).
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
  testing::TenSteps steps(at::ScalarType dtype) const {
    model::LoadOptions options;
    options.quant = model::Quant::kNone;
    options.dtype = dtype;
    const auto backbone =
        std::make_shared<const model::Backbone>(model::Backbone::load(testing::real_model_path(), options));
    return testing::ten_steps(backbone, testing::sine_expert(backbone->config(), 16.0, 0.01, 0.011),
                              TrainConfig{}.learning_rate, {example("0"), example("1")});
  }

  const testing::Golden golden_{"smollm2_training.safetensors"};
  /// Of layers 0 and 29, linears q_proj and down_proj.
  const testing::Gradients gradients_ = testing::gradients_in(golden_);

 private:
  Example example(const std::string& name) const {
    const std::vector<std::int32_t> ids = testing::ids_of(golden_[name + ".ids"]);
    const auto prompt = ids.begin() + golden_[name + ".prompt_length"].item<std::int64_t>();
    return {{ids.begin(), prompt}, {prompt, ids.end()}, 0, std::stoull(name)};
  }
};

TEST_F(PeftGolden, ten_losses_gradient_norms_and_first_gradients_equal_peft) {
  const testing::TenSteps found = steps(at::kFloat);
  expect_close(found.losses, golden_["losses"], {1e-3, 0.0});
  expect_close(found.grad_norms, golden_["grad_norms"], {5e-3, 0.0});
  EXPECT_EQ(gradients_.size(), 2U * 2U * 2U);
  for (const auto& [name, wanted] : gradients_) {
    SCOPED_TRACE(name);
    expect_close(found.gradients.at(name), wanted, testing::share_of_largest(wanted, 2e-3));
  }
}

// From the second step on Adam, whose first steps have the gradient's sign alone, takes the curves apart: in
// bfloat16 the gradients of this model's 30 layers are 5 % off (tiny_training_bf16: PEFT's own are, too).
TEST_F(PeftGolden, the_first_loss_in_bfloat16_is_within_3_percent_and_its_gradients_within_6) {
  const testing::TenSteps found = steps(at::kBFloat16);
  expect_close(found.losses[0], golden_["losses"][0], {0.03, 0.0});
  EXPECT_LT(testing::gradient_error(found.gradients, gradients_, 'B'), 0.06);
}

}  // namespace
}  // namespace routedk::train
