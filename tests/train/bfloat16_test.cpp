/// Training in bf16 beside fp32 and beside PEFT in bf16 (make_tiny_training.py).
#include "support/expect_close.h"
#include "train/tiny_golden.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_close;
using testing::gradient_error;

TEST(TrainingBfloat16, ten_losses_and_two_gradients_are_near_those_of_float32) {
  const testing::TenSteps wanted = testing::tiny_steps(kernels::Precision::kFloat32);
  const testing::TenSteps found = testing::tiny_steps(kernels::Precision::kBFloat16);
  expect_close(found.losses, wanted.losses, {0.03, 0.0});
  EXPECT_LT(gradient_error(found.gradients, wanted.gradients, 'B'), 0.05);
  EXPECT_LT(gradient_error(testing::tiny_second_gradients(kernels::Precision::kBFloat16, wanted.gradients),
                           wanted.gradients, 'A'),
            0.05);
}

TEST(TrainingBfloat16, ten_losses_and_two_gradients_are_near_those_of_peft_in_bfloat16) {
  const testing::Golden golden("tiny_training_bf16.safetensors");
  const testing::TenSteps found = testing::tiny_steps(kernels::Precision::kBFloat16);
  expect_close(found.losses, golden["losses"], {0.03, 0.0});
  const testing::Gradients wanted = testing::gradients_in(golden);
  EXPECT_EQ(wanted.size(), 2U * 3U * 7U);
  EXPECT_LT(gradient_error(found.gradients, wanted, 'B'), 0.05);
  EXPECT_LT(
      gradient_error(testing::tiny_second_gradients(kernels::Precision::kBFloat16, wanted), wanted, 'A'),
      0.05);
}

}  // namespace
}  // namespace routedk::train
