// Several processes of one training, as threads with a model each, against one process alone.
#include "routedk/experts/router.h"
#include "routedk/train/joint_step.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "support/worlds.h"
#include "train/toy_policy.h"
#include "train/trainer_jobs.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using parallel::World;
using ::testing::Each;
using ::testing::IsEmpty;

/// What a training was step by step, and where it ended.
struct Course {
  std::vector<double> figures;   ///< losses, norms and validations, in order
  std::vector<std::string> now;  ///< what happened: tokens, bad and skipped steps, ends
  std::vector<at::Tensor> values;
};

struct Job {
  TrainConfig config;
  std::vector<ParameterGroup> groups;
  std::vector<Example> training;
  std::vector<Example> validation;
  SampleFn sample = {};
  /// Called before each step, counted from 0.
  std::function<void(std::int64_t)> before = [](std::int64_t) {};
};

std::vector<const Example*> of(const std::vector<Example>& all, std::size_t group) {
  std::vector<const Example*> own;
  for (const Example& example : all) {
    if (example.group == static_cast<int>(group)) {
      own.push_back(&example);
    }
  }
  return own;
}

void note(const GroupStep& step, Course& course) {
  course.figures.insert(course.figures.end(), {step.loss, step.token_loss, step.grad_norm});
  if (step.samples) {
    course.figures.insert(course.figures.end(),
                          {step.samples->utility, step.samples->entropy, step.samples->distinct,
                           step.samples->kl.value_or(0.0), step.samples->clipped.value_or(0.0)});
  }
  for (const experts::LayerRouting& layer : step.routing) {
    course.figures.insert(course.figures.end(), {layer.mean[0], layer.mean_entropy, layer.entropy_of_mean});
  }
  // A prompt whose answers do not fit beside others' is computed again: how often depends on the shares.
  course.now.push_back(fmt::format(
      "{} examples, {} tokens, {} answer tokens{}{}", step.examples, step.samples ? 0 : step.tokens,
      step.answer_tokens, step.skipped ? ", skipped" : "", step.not_finite == nullptr ? "" : ", bad"));
}

Course trained(const experts::RoutedModel& model, const Job& job, const World& world) {
  Course course;
  std::vector<std::unique_ptr<GroupTrainer>> trainers;
  for (std::size_t i = 0; i < job.groups.size(); ++i) {
    trainers.push_back(std::make_unique<GroupTrainer>(
        model, job.config, job.groups[i],
        GroupExamples{of(job.training, i), of(job.validation, i), {}, job.sample}, world));
  }
  for (std::int64_t step = 0;; ++step) {
    job.before(step);
    std::vector<GroupTrainer*> due;
    for (const auto& trainer : trainers) {
      if (!trainer->done()) {
        due.push_back(trainer.get());
      }
    }
    if (due.empty()) {
      break;
    }
    const auto steps = compute_steps(model, job.config, due);
    for (std::size_t i = 0; i < due.size(); ++i) {
      due[i]->apply(steps[i]);
      note(steps[i], course);
      if (due[i]->validation_due() && !job.validation.empty()) {
        course.figures.push_back(due[i]->validate()->loss);
      }
    }
  }
  for (const auto& trainer : trainers) {
    course.now.push_back(fmt::format("{}: {} steps, best {}", trainer->name(), trainer->progress().step,
                                     trainer->progress().best_step));
    trainer->take_best();
    course.values.push_back(trainer->state().values.clone());
  }
  return course;
}

void expect_same_course(const Course& found, const Course& expected) {
  EXPECT_EQ(found.now, expected.now);
  ASSERT_EQ(found.figures.size(), expected.figures.size());
  for (std::size_t i = 0; i < found.figures.size(); ++i) {
    if (!std::isnan(expected.figures[i])) {
      EXPECT_NEAR(found.figures[i], expected.figures[i], 2e-4 * std::max(1.0, std::abs(expected.figures[i])))
          << i;
    } else {
      EXPECT_TRUE(std::isnan(found.figures[i])) << i;
    }
  }
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    EXPECT_LT((found.values[i] - expected.values[i]).norm().item<double>(),
              1e-3 * expected.values[i].norm().item<double>());
  }
}

/// So small a rate that Adam does not make much of a gradient that is rounding.
TrainConfig slow_config() {
  TrainConfig config = small_config();
  config.learning_rate = 2e-3;
  return config;
}

/// Makes a job for a model, which belongs to one process.
using MakeJob = std::function<Job(experts::RoutedModel&)>;

void expect_any_world_trains_alike(const std::function<experts::RoutedModel()>& make_model,
                                   const MakeJob& make, const std::function<void(const Course&)>& look) {
  experts::RoutedModel model = make_model();
  const Course alone = trained(model, make(model), World());
  look(alone);
  for (const int size : {2, 3, 4}) {
    std::vector<Course> courses(static_cast<std::size_t>(size));
    EXPECT_THAT(parallel::in_worlds(size,
                                    [&](const World& world) {
                                      experts::RoutedModel own = make_model();
                                      courses[static_cast<std::size_t>(world.rank())] =
                                          trained(own, make(own), world);
                                    }),
                Each(IsEmpty()));
    for (const Course& course : courses) {
      SCOPED_TRACE(size);
      expect_same_course(course, alone);
      EXPECT_TRUE(at::tensor(course.figures, at::kDouble)
                      .allclose(at::tensor(courses[0].figures, at::kDouble), 0.0, 0.0, /*equal_nan=*/true));
      for (std::size_t i = 0; i < course.values.size(); ++i) {
        EXPECT_TRUE(course.values[i].equal(courses[0].values[i])) << i;
      }
    }
  }
}

experts::RoutedModel tiny() {
  return testing::tiny_model();
}

/// Dropout, several micro-batches a step, a last batch smaller than the world, experts of 20, 8 and 16 steps.
TEST(Parallel, three_experts_learn_in_several_processes_what_they_learn_in_one) {
  expect_any_world_trains_alike(
      tiny,
      [](experts::RoutedModel& model) {
        Job job{slow_config(),
                {testing::expert_group(model, 0), testing::expert_group(model, 1),
                 testing::expert_group(model, 2)},
                three_groups(),
                three_groups(100)};
        job.config.max_tokens = 20;
        return job;
      },
      [](const Course& alone) {
        EXPECT_THAT(alone.now, ::testing::Contains(::testing::StartsWith("expert0: 20 steps")));
      });
}

TEST(Parallel, a_step_that_is_not_finite_in_one_process_is_applied_in_none) {
  expect_any_world_trains_alike(
      tiny,
      [](experts::RoutedModel& model) {
        Job job{slow_config(), {testing::expert_group(model, 0)}, testing::random_examples(10, 0), {}};
        const at::Tensor live = values(model, 0);
        const auto good = std::make_shared<at::Tensor>();
        job.before = [live, good](std::int64_t step) {
          if (step == 7) {
            *good = live.clone();
            live.fill_(std::numeric_limits<float>::infinity());
          } else if (step == 9) {
            live.copy_(*good);
          }
        };
        return job;
      },
      [](const Course& alone) {
        EXPECT_EQ(std::count_if(alone.now.begin(), alone.now.end(),
                                [](const std::string& step) { return step.ends_with(", bad"); }),
                  2);
      });
}

TEST(Parallel, training_stops_early_in_all_processes_at_once) {
  expect_any_world_trains_alike(
      tiny,
      [](experts::RoutedModel& model) {
        Job job{slow_config(),
                {testing::expert_group(model, 0)},
                testing::random_examples(10, 0),
                testing::random_examples(7, 0, 100)};
        job.config.patience = 1;
        job.config.epochs = 20;
        job.config.learning_rate = 1e-2;
        return job;
      },
      [](const Course& alone) {
        EXPECT_THAT(alone.now.back(), ::testing::Not(::testing::HasSubstr(" 100 steps")));
      });
}

TEST(Parallel, a_router_has_the_routing_and_the_penalties_of_all_processes) {
  expect_any_world_trains_alike(
      testing::toy_model,
      [](experts::RoutedModel& model) {
        model.bank().freeze(model.backbone());
        const auto router = std::make_shared<experts::RouterGate>(2, 32, 3);
        ParameterGroup group{"router", &router->parameters(), router};
        group.penalty = {0.1, 0.2};
        return Job{
            slow_config(), {group}, testing::random_examples(10, 0), testing::random_examples(5, 0, 100)};
      },
      [](const Course& alone) { EXPECT_GT(alone.figures.size(), 20U * 9U); });
}

TEST(Parallel, sampled_answers_weigh_what_they_weigh_in_one_process) {
  for (const std::int64_t iterations : {1, 2}) {
    expect_any_world_trains_alike(
        testing::toy_model,
        [iterations](experts::RoutedModel& model) {
          Job job{testing::toy_config(),
                  {testing::expert_group(model, 0)},
                  testing::random_examples(9, 0),
                  testing::random_examples(4, 0, 100)};
          job.config.expected_utility.iterations = iterations;
          job.config.expected_utility.kl_weight = 0.1;
          job.config.expected_utility.likelihood_weight = 0.5;
          job.sample = testing::toy_sampler(model, {testing::expert_group(model, 0)}, 6);
          return job;
        },
        [](const Course& alone) { EXPECT_EQ(alone.now.size(), 7U); });
  }
}

}  // namespace
}  // namespace routedk::train
