#include "routedk/core/error.h"
#include "routedk/core/stop_signal.h"
#include "routedk/train/trainer.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "support/expect_close.h"
#include "train/toy_policy.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_equal;
using testing::TemporaryFolder;
using testing::toy_config;
using testing::toy_model;

/// Three experts with prompts of their own, and what they draw.
TrainingJob toy_job(experts::RoutedModel& model, const TemporaryFolder& folder,
                    const std::vector<int>& experts, std::int64_t samples = 6) {
  std::vector<ParameterGroup> groups;
  for (const int expert : experts) {
    groups.push_back(testing::expert_group(model, expert));
  }
  TrainingJob job = testing::job_for(model, groups, folder.path());
  job.config = toy_config();
  for (std::size_t i = 0; i < experts.size(); ++i) {
    for (std::uint64_t key = 0; key < 25; key += 5) {  // the same answers are worth most to all
      Example example = testing::random_example(key, experts[i]);
      example.group = static_cast<int>(i);
      job.training.push_back(example);
      example.key += 100;
      job.validation.push_back(example);
    }
  }
  job.sample = testing::toy_sampler(model, groups, samples);
  return job;
}

TEST(ExpectedUtility, training_goes_on_to_the_best_answers_and_validates_by_the_greedy_ones) {
  const TemporaryFolder folder;
  experts::RoutedModel model = toy_model();
  TrainingJob job = toy_job(model, folder, {0}, 64);
  job.config.expected_utility.steps = 100;
  job.validation = job.training;
  std::vector<double> utilities;
  std::vector<double> samples;
  job.on_event = [&](const Event& event) {
    if (const auto* const validation = std::get_if<ValidationEvent>(&event)) {
      utilities.push_back(validation->validation.utility.value());
    }
    if (const auto* const step = std::get_if<StepEvent>(&event)) {
      samples.push_back(step->step.samples->utility);
    }
  };
  const GroupResult result = Trainer(job).run()[0];
  EXPECT_EQ(utilities.size(), 50U);
  EXPECT_EQ(samples.size(), 100U);
  const double best = *std::max_element(utilities.begin(), utilities.end());
  EXPECT_EQ(result.progress.best_validation_loss, -best);
  EXPECT_GE(best, 0.95);
  EXPECT_LT(utilities.front(), 0.8) << "or the test shows nothing";
  EXPECT_GT(*std::max_element(samples.begin(), samples.end()), samples.front() + 0.2);
  EXPECT_FALSE(model.bank()[0].parameters().trainable());
}

TEST(ExpectedUtility, resumed_training_equals_an_uninterrupted_one_bit_for_bit_whatever_step_it_stopped_at) {
  for (const auto& [kl_weight, iterations] : {std::pair(0.0, 1), {0.05, 4}}) {
    const TemporaryFolder reference_folder;
    experts::RoutedModel reference = toy_model();
    TrainingJob whole = toy_job(reference, reference_folder, {0, 1, 2});
    whole.config.expected_utility.kl_weight = kl_weight;
    whole.config.expected_utility.iterations = iterations;
    Trainer(whole).run();
    EXPECT_FALSE(at::equal(values(reference, 0), values(toy_model(), 0)));
    for (std::int64_t stop = 1; stop <= 6; ++stop) {
      const TemporaryFolder folder;
      experts::RoutedModel interrupted = toy_model();
      TrainingJob job = toy_job(interrupted, folder, {0, 1, 2});
      job.config = whole.config;
      job.config.checkpoint_every = 2;
      job.on_event = on<StepEvent>([stop](const StepEvent& event) {
        if (event.number == stop && event.group == "expert1") {
          throw std::runtime_error("interrupted");
        }
      });
      EXPECT_THROW(Trainer(job).run(), std::runtime_error);
      experts::RoutedModel model = toy_model();
      TrainingJob again = toy_job(model, folder, {0, 1, 2});
      again.config = job.config;
      Trainer(again).run();
      for (int i = 0; i < 3; ++i) {
        SCOPED_TRACE(::testing::Message() << "expert " << i << " stopped at " << stop);
        expect_equal(values(model, i), values(reference, i));
      }
    }
  }
}

TEST(ExpectedUtility, all_at_once_equals_one_by_one) {
  const TemporaryFolder folder;
  experts::RoutedModel together = toy_model();
  TrainingJob all = toy_job(together, folder, {0, 1, 2});
  all.config.max_tokens = 400;  // so that the groups share passes
  Trainer(all).run();
  for (int i = 0; i < 3; ++i) {
    const TemporaryFolder own_folder;
    experts::RoutedModel alone = toy_model();
    TrainingJob own = toy_job(alone, own_folder, {i});
    own.config = all.config;
    Trainer(own).run();
    SCOPED_TRACE(i);
    expect_equal(values(alone, i), values(together, i));
  }
}

TEST(ExpectedUtility, a_draw_serves_so_many_steps_and_a_signal_among_them_waits_for_the_last) {
  const TemporaryFolder folder;
  experts::RoutedModel model = toy_model();
  TrainingJob job = toy_job(model, folder, {0});
  job.config.expected_utility.iterations = 3;
  job.validation.clear();
  std::vector<std::int64_t> draws;
  const SampleFn sample = job.sample;
  job.sample = [&](const SampleRequest& request) {
    draws.push_back(request.step);
    return sample(request);
  };
  std::vector<std::int64_t> steps;
  job.on_event = on<StepEvent>([&](const StepEvent& event) {
    steps.push_back(event.number);
    if (event.number == 1) {
      std::raise(SIGTERM);
    }
  });
  EXPECT_THROW(Trainer(job).run(), Interrupted);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3}));
  model.bank()[0].parameters().values().copy_(values(toy_model(), 0));
  Trainer(job).run();
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(draws, (std::vector<std::int64_t>{0, 1}));
}

TEST(ExpectedUtility, a_step_whose_samples_are_all_worth_the_same_changes_nothing_and_is_counted) {
  const TemporaryFolder folder;
  experts::RoutedModel model = toy_model();
  TrainingJob job = toy_job(model, folder, {0});
  job.config.weight_decay = 0.1;
  const SampleFn sample = job.sample;
  job.sample = [sample](const SampleRequest& request) {
    auto all = sample(request);
    for (PromptSamples& samples : all) {
      for (SampledAnswer& answer : samples) {
        answer.utility = 0.3;
      }
    }
    return all;
  };
  std::vector<std::string> warnings;
  job.on_event = on<WarningEvent>([&](const WarningEvent& event) { warnings.push_back(event.text); });
  const GroupResult result = Trainer(job).run()[0];
  EXPECT_EQ(result.progress.skipped_steps, 6);
  EXPECT_EQ(result.progress.tokens, 0);
  EXPECT_EQ(warnings.size(), 1U);
  expect_equal(values(model, 0), values(toy_model(), 0));
}

TEST(ExpectedUtility, a_weighty_kl_keeps_the_values_near_the_start_and_a_limit_on_it_ends_the_run) {
  const auto drift = [](double kl_weight, std::vector<double>& kl) {
    const TemporaryFolder folder;
    experts::RoutedModel model = toy_model();
    TrainingJob job = toy_job(model, folder, {0}, 64);
    job.validation.clear();
    job.config.expected_utility.kl_weight = kl_weight;
    job.config.expected_utility.steps = 40;
    job.on_event =
        on<StepEvent>([&](const StepEvent& event) { kl.push_back(event.step.samples->kl.value()); });
    Trainer(job).run();
  };
  std::vector<double> light;
  std::vector<double> weighty;
  drift(1e-6, light);
  drift(3.0, weighty);
  EXPECT_EQ(light.front(), 0.0) << "the policy is still the start";
  EXPECT_GT(light.back(), 0.1);
  EXPECT_LT(weighty.back(), 0.5 * light.back());
  const TemporaryFolder folder;
  experts::RoutedModel model = toy_model();
  TrainingJob job = toy_job(model, folder, {0}, 64);
  job.config.expected_utility.kl_weight = 1e-6;
  job.config.expected_utility.steps = 40;
  job.config.expected_utility.max_kl = light.back() / 2;
  const std::string message = testing::message_of<NumericError>([&] { Trainer(job).run(); });
  EXPECT_NE(message.find("the mean KL of parameter group `expert0` to its start must be at most"),
            std::string::npos)
      << message;
}

TEST(ExpectedUtility, training_from_another_start_is_not_resumed) {
  const TemporaryFolder folder;
  experts::RoutedModel model = toy_model();
  Trainer(toy_job(model, folder, {0})).run();
  experts::RoutedModel other = toy_model();
  other.bank()[0].parameters().values()[0] += 1e-3;
  const std::string message =
      testing::message_of<ConfigError>([&] { Trainer(toy_job(other, folder, {0})).run(); });
  EXPECT_NE(message.find("groups.expert0.objective.start"), std::string::npos) << message;
}

}  // namespace
}  // namespace routedk::train
