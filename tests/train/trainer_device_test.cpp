/// A training that goes on where another kind of device computes.
#include "routedk/kernels/gpu.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/trainer.h"

#include <stdexcept>
#include <string>
#include <tuple>

#include "support/expect_close.h"
#include "support/tiny_llama.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_equal;
using testing::TemporaryFolder;

/// The same model and untrained experts on any device.
experts::RoutedModel model_on(at::Device device) {
  const TemporaryFolder folder;
  const model::LlamaConfig config = testing::tiny_config(testing::TinyShape{});
  testing::tiny_llama(config).save(folder / "tiny.gguf");
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (int i = 0; i < testing::kTinyExperts; ++i) {
    const experts::LoraOptions lora{.rank = 4, .alpha = 8.0};
    bank.push_back(std::make_shared<experts::Expert>(fmt::format("expert{}", i), config, lora, device));
    bank.back()->initialise(7);
  }
  const model::LoadOptions options{.quant = model::Quant::kNone, .device = device};
  return {std::make_shared<model::Backbone>(model::Backbone::load(folder / "tiny.gguf", options)),
          std::make_shared<experts::ExpertBank>(std::move(bank))};
}

/// From one device to another.
class MovedTrainer : public ::testing::TestWithParam<std::tuple<at::Device, at::Device>> {
 protected:
  void SetUp() override {
    const auto [from, to] = GetParam();
    if ((from.is_cuda() || to.is_cuda()) && kernels::gpu_count() == 0) {
      GTEST_SKIP() << "no GPU that this build can use";
    }
  }
};
const auto kDevices = ::testing::Values(at::Device(at::kCPU), at::Device(at::kCUDA, 0));
const auto kNames = [](const auto& tested) {
  const auto [from, to] = tested.param;
  return fmt::format("{}_to_{}", c10::DeviceTypeName(from.type(), /*lower_case=*/true),
                     c10::DeviceTypeName(to.type(), /*lower_case=*/true));
};
INSTANTIATE_TEST_SUITE_P(Devices, MovedTrainer, ::testing::Combine(kDevices, kDevices), kNames);

TEST_P(MovedTrainer, goes_on_from_the_values_that_the_checkpoint_was_written_with) {
  const auto [from, to] = GetParam();
  const TemporaryFolder folder;
  experts::RoutedModel stopped = model_on(from);
  TrainingJob job = three_expert_job(stopped, folder);  // with a checkpoint every three steps
  at::Tensor written;
  job.on_event = on<StepEvent>([&](const StepEvent& event) {
    if (event.group == "expert0" && event.number == 3) {
      written = values(stopped, 0).cpu().clone();
    } else if (event.number > 3) {
      throw std::runtime_error("interrupted");
    }
  });
  EXPECT_THROW(Trainer(job).run(), std::runtime_error);
  expect_equal(
      read_checkpoint(folder / "step-000003", {{"expert0", written.numel()}}).groups.at("expert0").values,
      written);

  experts::RoutedModel model = model_on(to);
  TrainingJob rest = three_expert_job(model, folder);
  rest.config.resume_elsewhere = true;
  at::Tensor read;
  rest.on_event = on<ResumeEvent>([&](const ResumeEvent&) { read = values(model, 0).cpu().clone(); });
  const std::vector<GroupResult> results = Trainer(rest).run();
  expect_equal(read, written);
  EXPECT_EQ(results[0].progress.step, 20);
  EXPECT_EQ(values(model, 0).device(), to);
}

}  // namespace
}  // namespace routedk::train
