#include "routedk/train/trainer.h"

#include "routedk/experts/router.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "support/expect_close.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::TemporaryFolder;

TEST(Trainer, one_times_eight_equals_two_times_four_four_times_two_and_eight_times_one) {
  constexpr std::int64_t kLength = 10;
  std::vector<at::Tensor> results;
  for (const std::int64_t together : {1, 2, 4, 8}) {
    const TemporaryFolder folder;
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
    job.config = small_config();
    job.config.max_tokens = together * kLength;
    job.config.batch_size = 8;
    job.config.epsilon = 1e-4;  // otherwise AdamW blows rounding up where a gradient is nearly zero
    job.training = testing::random_examples(16, 0);
    for (Example& example : job.training) {
      example.prompt.resize(7, 3);
      example.answer.resize(3, 5);
    }
    Trainer(job).run();
    results.push_back(values(model, 0));
  }
  EXPECT_FALSE(at::equal(results[0], values(testing::tiny_model(), 0)));
  for (const at::Tensor& result : results) {
    testing::expect_close(result, results[0], {0.0, 1e-4});
  }
}

TEST(Trainer, progress_shows_each_validation_and_counts_it_in_the_time_left) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  double seconds = 0;
  std::vector<std::string> shown;
  job.progress.terminal = true;
  job.progress.now = [&] { return seconds += 1; };         // a validation takes as long
  job.progress.columns = [] { return std::size_t{200}; };  // room for the note, too
  job.progress.redraw = [&](const std::string& text) { shown.push_back(text); };
  Trainer(job).run();
  const auto lines_with = [&](const std::string& part, const std::string& other) {
    return std::count_if(shown.begin(), shown.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos && line.find(other) != std::string::npos;
    });
  };
  EXPECT_EQ(lines_with("| validating ", ""), 4 * 3);
  EXPECT_EQ(lines_with(" 100 % ", "ETA 0:01"), 2);  // when the last step is done, and while it is validated
}

class TrainerOfThree : public ::testing::TestWithParam<kernels::Precision> {};
INSTANTIATE_TEST_SUITE_P(Precisions, TrainerOfThree,
                         ::testing::Values(kernels::Precision::kFloat32, kernels::Precision::kBFloat16),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_P(TrainerOfThree, all_at_once_equals_one_by_one) {
  const TemporaryFolder folder;
  experts::RoutedModel together = testing::tiny_model({.precision = GetParam()});
  const std::vector<GroupResult> results = Trainer(three_expert_job(together, folder)).run();
  for (int i = 0; i < 3; ++i) {
    const TemporaryFolder own_folder;
    experts::RoutedModel alone = testing::tiny_model({.precision = GetParam()});
    TrainingJob job = testing::job_for(alone, {testing::expert_group(alone, i)}, own_folder.path());
    job.config = small_config();
    for (const auto& [from, to] :
         {std::pair(three_groups(), &job.training), {three_groups(100), &job.validation}}) {
      for (Example example : from) {
        if (example.group == i) {
          example.group = 0;
          to->push_back(example);
        }
      }
    }
    const std::vector<GroupResult> own = Trainer(job).run();
    SCOPED_TRACE("expert " + std::to_string(i));
    testing::expect_equal(values(alone, i), values(together, i));
    const GroupProgress& progress = results[static_cast<std::size_t>(i)].progress;
    EXPECT_EQ(own[0].progress.best_validation_loss, progress.best_validation_loss);
    EXPECT_EQ(own[0].progress.step, progress.step);
    EXPECT_EQ(own[0].progress.tokens, progress.tokens);
  }
}

TEST(Trainer, leaves_the_values_of_the_best_validation_frozen) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  for (int i = 0; i < 3; ++i) {
    testing::randomise(model.bank()[i].parameters(), 1, 0.3);
  }
  TrainingJob job = three_expert_job(model, folder);
  job.config.epochs = 8;
  std::vector<double> losses;
  job.on_event = on<ValidationEvent>([&](const ValidationEvent& event) {
    if (event.group == "expert0") {
      losses.push_back(event.validation.loss);
    }
  });
  const GroupProgress progress = Trainer(job).run()[0].progress;
  ASSERT_EQ(losses.size(), 8U);
  const double best = *std::min_element(losses.begin(), losses.end());
  ASSERT_LT(best, losses.back()) << "random answers must overfit here, or the test shows nothing";
  EXPECT_EQ(progress.best_validation_loss, best);
  EXPECT_LT(progress.best_step, progress.step);
  EXPECT_NEAR(mean_loss(model, 0, three_groups(100)), best, 1e-5);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(model.bank()[i].parameters().trainable());
  }
}

TEST(Trainer, a_step_record_holds_the_loss_before_the_step_and_its_counts) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config = small_config();
  job.config.dropout = 0.0;
  job.config.warmup = 0.0;
  job.config.batch_size = 10;
  job.training = testing::random_examples(10, 0);
  std::vector<StepEvent> records;
  job.on_event = on<StepEvent>([&](const StepEvent& event) { records.push_back(event); });
  const double expected = mean_loss(model, 0, job.training);
  Trainer(job).run();
  ASSERT_EQ(records.size(), 4U);
  std::int64_t tokens = 0;
  std::int64_t answer_tokens = 0;
  for (const Example& example : job.training) {
    tokens += example.tokens();
    answer_tokens += static_cast<std::int64_t>(example.answer.size());
  }
  const GroupStep& step = records[0].step;
  EXPECT_NEAR(step.loss, expected, 1e-5);
  EXPECT_EQ(records[0].number, 1);
  EXPECT_EQ(records[0].group, "expert0");
  EXPECT_EQ(step.learning_rate, 2e-2);
  EXPECT_NEAR(step.token_loss, expected, 1e-5);
  EXPECT_GT(records[0].memory_mib, 10.0);
  EXPECT_EQ(step.tokens, tokens);
  EXPECT_EQ(step.answer_tokens, answer_tokens);
  EXPECT_GT(step.grad_norm, 0.0);
  EXPECT_GT(step.seconds, 0.0);
}

TEST(Trainer, overfits_a_few_examples) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model({256, 16, true});
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config.epochs = 60;
  job.config.learning_rate = 1e-2;
  job.config.dropout = 0.0;
  job.config.checkpoint_every = 1000;
  for (std::uint64_t key = 0; key < 3; ++key) {
    job.training.push_back(testing::random_example(key, 0, 16));
  }
  EXPECT_GT(mean_loss(model, 0, job.training), 2.0);
  Trainer(job).run();
  EXPECT_LT(mean_loss(model, 0, job.training), 0.3);
}

TEST(Trainer, a_router_learns_whom_to_trust_and_leaves_the_experts_alone) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model({256, 16, true});
  std::vector<Example> examples;
  for (std::uint64_t key = 0; key < 4; ++key) {
    examples.push_back(testing::random_example(key, 0, 16));
  }
  for (int i = 0; i < 3; ++i) {  // expert 2 knows the answers, the others know nothing
    testing::randomise(model.bank()[i].parameters(), static_cast<std::uint64_t>(i), 0.05);
  }
  {
    const TemporaryFolder expert_folder;
    TrainingJob job = testing::job_for(model, {testing::expert_group(model, 2)}, expert_folder.path());
    job.config.epochs = 60;
    job.config.learning_rate = 1e-2;
    job.training = examples;
    Trainer(job).run();
  }
  model.bank().freeze(at::kFloat);
  const at::Tensor expert_before = values(model, 2).clone();
  const auto router = std::make_shared<experts::RouterGate>(2, 256, 3);
  const PackedBatch batch = pack(testing::pointers(examples));
  const auto loss = [&] {
    const at::NoGradGuard no_grad;
    return answer_loss_sum(model, *router, batch).item<double>() / static_cast<double>(batch.answer_tokens());
  };
  const double before = loss();
  TrainingJob job = testing::job_for(model, {{"router", &router->parameters(), router}}, folder.path());
  job.config.epochs = 30;
  job.config.learning_rate = 5e-2;
  job.config.dropout = 0.0;
  job.training = examples;
  std::vector<GroupStep> steps;
  job.on_event = on<StepEvent>([&](const StepEvent& event) { steps.push_back(event.step); });
  Trainer(job).run();
  ASSERT_EQ(steps.front().routing.size(), 2U);
  EXPECT_NEAR(steps.front().routing[0].mean[2], 1.0 / 3.0, 1e-6);
  EXPECT_GT(steps.back().routing[0].mean[2], 0.5);
  EXPECT_LT(loss(), 0.7 * before);
  testing::expect_equal(values(model, 2), expert_before);
  EXPECT_FALSE(model.bank()[2].parameters().trainable());
}

}  // namespace
}  // namespace routedk::train
