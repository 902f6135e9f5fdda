#include "routedk/core/error.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/data_order.h"
#include "routedk/train/joint_step.h"
#include "routedk/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "support/expect_close.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

TEST(Trainer, a_loss_that_is_not_finite_stops_before_anything_is_applied) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  values(model, 1)[3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor before = values(model, 0).clone();
  TrainingJob job = three_expert_job(model, folder);
  job.config.max_bad_steps = 0;
  const std::string message = message_of<NumericError>([&] { Trainer(job).run(); });
  EXPECT_NE(message.find("expert1"), std::string::npos) << message;
  EXPECT_NE(message.find("after step 0"), std::string::npos) << message;
  EXPECT_NE(message.find("examples "), std::string::npos) << message;
  testing::expect_equal(values(model, 0), before);
  EXPECT_EQ(testing::entries_of(folder.path()), 0);
}

/// Makes the values of expert 0 infinite after step 7, and good again before `bad_steps` more are computed.
TrainingJob stumbling_job(experts::RoutedModel& model, const TemporaryFolder& folder, std::int64_t bad_steps,
                          std::vector<BadStepEvent>& bad_events) {
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config = small_config();
  job.training = testing::random_examples(10, 0);
  const auto good = std::make_shared<at::Tensor>();
  job.on_event = [&model, &bad_events, bad_steps, good](const Event& event) {
    const at::Tensor live = values(model, 0);
    const auto* const step = std::get_if<StepEvent>(&event);
    const auto* const bad = std::get_if<BadStepEvent>(&event);
    if (step != nullptr && step->number == 7) {
      *good = live.clone();
      live.fill_(std::numeric_limits<float>::infinity());
    } else if (bad != nullptr) {
      bad_events.push_back(*bad);
      if (bad->number == 7 + bad_steps) {
        live.copy_(*good);
      }
    }
  };
  return job;
}

TEST(Trainer, a_step_that_is_not_finite_is_not_applied_but_logged_with_its_examples) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  std::vector<BadStepEvent> bad_events;
  const GroupProgress progress = Trainer(stumbling_job(model, folder, 2, bad_events)).run()[0].progress;
  EXPECT_EQ(progress.step, 20);
  EXPECT_EQ(progress.bad_steps, 2);
  EXPECT_EQ(progress.bad_steps_in_a_row, 0);
  EXPECT_TRUE(at::isfinite(values(model, 0)).all().item<bool>());
  ASSERT_FALSE(bad_events.empty());
  const BadStepEvent& bad = bad_events.front();
  EXPECT_EQ(bad.number, 8);
  EXPECT_STREQ(bad.step.not_finite, "loss");
  EXPECT_TRUE(std::isnan(bad.step.loss));
  DataOrder order(10, 2, small_config().seed, "expert0");
  std::vector<std::uint64_t> keys;
  for (const std::size_t i : order.batch(7)) {
    keys.push_back(i);
  }
  EXPECT_TRUE(std::is_permutation(keys.begin(), keys.end(), bad.step.keys.begin(), bad.step.keys.end()));
}

TEST(Trainer, more_steps_in_a_row_than_allowed_that_are_not_finite_stop_with_the_last_good_checkpoint) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  std::vector<BadStepEvent> bad_events;
  TrainingJob job = stumbling_job(model, folder, 100, bad_events);
  job.config.max_bad_steps = 1;
  EXPECT_THROW(Trainer(job).run(), NumericError);
  EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-000006");
  const Checkpoint good = read_checkpoint(folder / "step-000006", {{"expert0", values(model, 0).numel()}});
  EXPECT_TRUE(at::isfinite(good.groups.at("expert0").values).all().item<bool>());
}

TEST(Trainer, a_step_not_applied_leaves_the_optimisers_count_where_it_was) {
  experts::RoutedModel model = testing::tiny_model();
  const std::vector<Example> examples = testing::random_examples(2, 0);
  const TrainConfig config = small_config();
  GroupTrainer trainer(model, config, testing::expert_group(model, 0), {testing::pointers(examples), {}});
  GroupStep step = compute_steps(model, config, {&trainer})[0];
  step.not_finite = "loss";
  trainer.apply(step);
  step.not_finite = nullptr;
  step.learning_rate = 1e-2;
  const at::Tensor before = values(model, 0).clone();
  trainer.apply(step);
  // The first step of Adam moves every value that has a gradient by the learning rate.
  EXPECT_NEAR((values(model, 0) - before).abs().max().item<double>(), 1e-2, 1e-4);
}

}  // namespace
}  // namespace routedk::train
