#include "routedk/core/error.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "support/expect_close.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::TemporaryFolder;

TEST(Trainer, a_group_with_a_learning_rate_of_its_own_takes_it_and_the_others_the_common_one) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.config.warmup = 0.0;
  job.config.schedule = ScheduleKind::kConstant;
  job.config.learning_rates = {{"expert1", 7e-3}};
  std::map<std::string, double> rates;
  job.on_event =
      on<StepEvent>([&](const StepEvent& event) { rates[event.group] = event.step.learning_rate; });
  Trainer(job).run();
  EXPECT_EQ(rates, (std::map<std::string, double>{{"expert0", 2e-2}, {"expert1", 7e-3}, {"expert2", 2e-2}}));
}

TEST(Trainer, max_steps_end_a_group_within_an_epoch_validated_and_with_the_schedule_at_its_end) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.config.max_steps = 7;  // of 20, 8 and 16
  std::map<std::string, std::vector<std::int64_t>> validated;
  std::map<std::string, double> last_rate;
  job.on_event = [&](const Event& event) {
    if (const auto* const step = std::get_if<StepEvent>(&event)) {
      last_rate[step->group] = step->step.learning_rate;
    } else if (const auto* const validation = std::get_if<ValidationEvent>(&event)) {
      validated[validation->group].push_back(validation->number);
    }
  };
  for (const GroupResult& result : Trainer(job).run()) {
    EXPECT_EQ(result.progress.step, 7) << result.name;
    EXPECT_LT(last_rate[result.name], 0.1 * job.config.learning_rate) << result.name;
  }
  EXPECT_EQ(validated, (std::map<std::string, std::vector<std::int64_t>>{
                           {"expert0", {5, 7}}, {"expert1", {2, 4, 6, 7}}, {"expert2", {4, 7}}}));
}

TEST(Trainer, as_many_max_steps_as_an_epoch_has_are_one_epoch) {
  const auto trained = [](std::int64_t epochs, std::int64_t max_steps) {
    const TemporaryFolder folder;
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
    job.config = small_config();
    job.config.epochs = epochs;
    job.config.max_steps = max_steps;
    job.training = testing::random_examples(10, 0);
    Trainer(job).run();
    return values(model, 0).clone();
  };
  EXPECT_TRUE(trained(4, 5).equal(trained(1, 0)));
  EXPECT_TRUE(trained(1, 6).equal(trained(1, 0)));
}

TEST(Trainer, out_of_patience_stops_a_group_and_keeps_its_best_while_the_others_go_on) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.config.epochs = 30;
  job.config.learning_rate = 5e-2;
  job.config.patience = 2;
  std::erase_if(job.validation, [](const Example& example) { return example.group == 1; });
  std::vector<double> losses;
  job.on_event = on<ValidationEvent>([&](const ValidationEvent& event) {
    if (event.group == "expert0") {
      losses.push_back(event.validation.loss);
    }
  });
  const std::vector<GroupResult> results = Trainer(job).run();
  ASSERT_LT(losses.size(), 30U) << "random answers must overfit here, or the test shows nothing";
  EXPECT_EQ(std::min_element(losses.begin(), losses.end()), losses.end() - 3);
  EXPECT_EQ(results[0].progress.step, 5 * static_cast<std::int64_t>(losses.size()));
  EXPECT_NEAR(mean_loss(model, 0, job.validation), losses.end()[-3], 1e-5);
  EXPECT_EQ(results[1].progress.step, 2 * 30);
}

TEST(Trainer, the_running_mean_follows_the_values_and_is_what_is_validated_and_kept) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config = small_config();
  job.config.ema = 0.9;
  job.training = testing::random_examples(10, 0);
  at::Tensor mean = values(model, 0).to(at::kDouble);
  job.on_event =
      on<StepEvent>([&](const StepEvent&) { mean = 0.9 * mean + 0.1 * values(model, 0).to(at::kDouble); });
  Trainer(job).run();
  testing::expect_close(values(model, 0).to(at::kDouble), mean, {0.0, 1e-6});

  experts::RoutedModel again = testing::tiny_model();
  const TemporaryFolder other;
  TrainingJob second = testing::job_for(again, {testing::expert_group(again, 0)}, other.path());
  second.config = job.config;
  second.training = job.training;
  second.validation = testing::random_examples(10, 0, 100);
  double best = std::numeric_limits<double>::infinity();
  second.on_event = on<ValidationEvent>(
      [&](const ValidationEvent& event) { best = std::min(best, event.validation.loss); });
  Trainer(second).run();
  EXPECT_NEAR(mean_loss(again, 0, second.validation), best, 1e-5);
}

TEST(Trainer, resuming_with_a_running_mean_equals_an_uninterrupted_run) {
  std::vector<at::Tensor> results;
  for (const bool interrupted : {false, true}) {
    const TemporaryFolder folder;
    for (const bool stop : {true, false}) {
      experts::RoutedModel model = testing::tiny_model();
      TrainingJob job = three_expert_job(model, folder);
      job.config.ema = 0.8;
      job.on_event = on<StepEvent>([&](const StepEvent& event) {
        if (interrupted && stop && event.number == 8) {
          throw std::runtime_error("interrupted");
        }
      });
      try {
        Trainer(job).run();
      } catch (const std::runtime_error&) {
        continue;
      }
      results.push_back(values(model, 0));
    }
  }
  ASSERT_EQ(results.size(), 3U);
  testing::expect_equal(results[0], results[2]);
}

TEST(Trainer, every_epoch_trains_on_its_own_form_of_the_examples) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config = small_config();
  job.training = testing::random_examples(10, 0);
  std::map<std::int64_t, std::set<std::uint64_t>> seen;
  job.augment = [&](const Example& example, std::int64_t epoch) {
    seen[epoch].insert(example.key);
    Example longer = example;
    longer.prompt.insert(longer.prompt.end(), static_cast<std::size_t>(epoch), 1);
    return longer;
  };
  std::vector<std::int64_t> tokens(4);
  job.on_event = on<StepEvent>([&](const StepEvent& event) {
    tokens[static_cast<std::size_t>(event.number - 1) / 5] += event.step.tokens;
  });
  Trainer(job).run();
  ASSERT_EQ(seen.size(), 4U);
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    EXPECT_EQ(seen[static_cast<std::int64_t>(epoch)].size(), 10U);
    EXPECT_EQ(tokens[epoch], tokens[0] + 10 * static_cast<std::int64_t>(epoch));
  }
}

TEST(Trainer, what_the_caller_finds_at_a_validation_is_recorded_and_its_warnings_too) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.on_validation = [](const std::string& group) {
    return Findings{{{7, group}}, {}, {"all answers are the same"}};
  };
  std::vector<ValidationEvent> validations;
  std::vector<WarningEvent> warnings;
  job.on_event = [&](const Event& event) {
    if (const auto* const validation = std::get_if<ValidationEvent>(&event)) {
      validations.push_back(*validation);
    } else if (const auto* const warning = std::get_if<WarningEvent>(&event)) {
      warnings.push_back(*warning);
    }
  };
  Trainer(job).run();
  ASSERT_EQ(validations.size(), 12U);
  EXPECT_EQ(validations[0].validation.found.answers[0].text, validations[0].group);
  EXPECT_EQ(std::count_if(warnings.begin(), warnings.end(),
                          [](const WarningEvent& w) { return w.text == "all answers are the same"; }),
            12);
}

}  // namespace
}  // namespace routedk::train
