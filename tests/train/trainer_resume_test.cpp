#include "routedk/core/error.h"
#include "routedk/core/stop_signal.h"
#include "routedk/train/checkpoint.h"
#include "routedk/train/trainer.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "support/expect_close.h"
#include "train/trainer_jobs.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_equal;
using testing::message_of;
using testing::TemporaryFolder;

class ResumedTrainer : public ::testing::TestWithParam<kernels::Precision> {};
INSTANTIATE_TEST_SUITE_P(Precisions, ResumedTrainer,
                         ::testing::Values(kernels::Precision::kFloat32, kernels::Precision::kBFloat16),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

TEST_P(ResumedTrainer, equals_an_uninterrupted_one_bit_for_bit_whatever_step_it_stopped_at) {
  const TemporaryFolder reference_folder;
  experts::RoutedModel reference = testing::tiny_model({.precision = GetParam()});
  const std::vector<GroupResult> expected = Trainer(three_expert_job(reference, reference_folder)).run();
  ASSERT_EQ(expected[0].progress.step, 20);
  for (std::int64_t stop = 1; stop <= 20; ++stop) {
    const TemporaryFolder folder;
    experts::RoutedModel interrupted = testing::tiny_model({.precision = GetParam()});
    TrainingJob job = three_expert_job(interrupted, folder);
    job.on_event = on<StepEvent>([stop](const StepEvent& event) {
      if (event.number == stop && event.group == "expert0") {
        throw std::runtime_error("interrupted");
      }
    });
    EXPECT_THROW(Trainer(job).run(), std::runtime_error);
    experts::RoutedModel model = testing::tiny_model({.precision = GetParam()});
    TrainingJob again = three_expert_job(model, folder);
    std::int64_t resumed_at = -1;
    again.on_event = on<ResumeEvent>([&](const ResumeEvent& event) { resumed_at = event.number; });
    const std::vector<GroupResult> results = Trainer(again).run();
    EXPECT_EQ(resumed_at, (stop - 1) / 3 * 3);
    for (int i = 0; i < 3; ++i) {
      SCOPED_TRACE(::testing::Message() << "expert " << i << " stopped at " << stop);
      expect_equal(values(model, i), values(reference, i));
      const GroupProgress& progress = results[static_cast<std::size_t>(i)].progress;
      EXPECT_EQ(progress.best_validation_loss,
                expected[static_cast<std::size_t>(i)].progress.best_validation_loss);
      EXPECT_EQ(progress.tokens, expected[static_cast<std::size_t>(i)].progress.tokens);
    }
  }
}

TEST(Trainer, a_finished_run_is_not_trained_again) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  experts::RoutedModel again = testing::tiny_model();
  TrainingJob job = three_expert_job(again, folder);
  std::vector<Event> events;
  job.on_event = [&](const Event& event) { events.push_back(event); };
  Trainer(job).run();
  ASSERT_EQ(events.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<ResumeEvent>(events[0]));
  EXPECT_EQ(std::get<ResumeEvent>(events[0]).number, 20);
  expect_equal(values(again, 0), values(model, 0));
}

TEST(Trainer, a_signal_lets_the_step_finish_and_be_saved_and_the_run_goes_on_bit_for_bit) {
  const TemporaryFolder reference_folder;
  experts::RoutedModel reference = testing::tiny_model();
  Trainer(three_expert_job(reference, reference_folder)).run();
  std::signal(SIGHUP, SIG_DFL);  // which nohup ignores
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TemporaryFolder folder;
    experts::RoutedModel stopped = testing::tiny_model();
    TrainingJob job = three_expert_job(stopped, folder);
    job.on_event = on<StepEvent>([signal](const StepEvent& event) {
      if (event.number == 4 && event.group == "expert0") {
        raise(signal);
      }
    });
    try {
      Trainer(job).run();
      FAIL() << "was not stopped";
    } catch (const Interrupted& interrupted) {
      EXPECT_EQ(interrupted.signal(), signal);
    }
    EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-000004");
    experts::RoutedModel model = testing::tiny_model();
    Trainer(three_expert_job(model, folder)).run();
    for (int i = 0; i < 3; ++i) {
      SCOPED_TRACE("expert " + std::to_string(i));
      expect_equal(values(model, i), values(reference, i));
    }
  }
}

/// The message with which a changed job refuses the checkpoints of an unchanged one.
std::string refusal(const std::function<void(TrainingJob&)>& change) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  TrainingJob job = three_expert_job(model, folder);
  change(job);
  return message_of<ConfigError>([&] { Trainer(job).run(); });
}

TEST(Trainer, refuses_a_checkpoint_of_other_settings_or_data) {
  const std::string rate = refusal([](TrainingJob& job) { job.config.learning_rate = 1e-3; });
  EXPECT_NE(rate.find("`config.learning_rate`"), std::string::npos) << rate;
  EXPECT_NE(rate.find("must be 0.02 as in "), std::string::npos) << rate;
  EXPECT_NE(rate.find("but is 0.001 instead"), std::string::npos) << rate;
  const std::string data = refusal([](TrainingJob& job) { job.training[0].answer[0] ^= 1; });
  EXPECT_NE(data.find("`groups.expert0.training_hash`"), std::string::npos) << data;
  const std::string gate = refusal([](TrainingJob& job) { job.groups[0].settings = {{"temperature", 2}}; });
  EXPECT_NE(gate.find("`groups.expert0.settings.temperature`"), std::string::npos) << gate;
  const std::string rates = refusal([](TrainingJob& job) { job.config.learning_rates = {{"expert1", 1.0}}; });
  EXPECT_NE(rates.find("`config.learning_rates"), std::string::npos) << rates;
  const std::string group = refusal([](TrainingJob& job) { job.groups[2].name = "other"; });
  EXPECT_NE(group.find("`groups.other."), std::string::npos) << group;
}

TEST(Trainer, refuses_a_checkpoint_of_another_model_of_the_same_shape) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  const at::Tensor& norm = model.backbone().layers()[1].mlp_norm;
  norm.mul_(1.5);
  const std::string message =
      message_of<ConfigError>([&] { Trainer(three_expert_job(model, folder)).run(); });
  EXPECT_NE(message.find("`backbone.weights`"), std::string::npos) << message;
}

TEST(Trainer, goes_on_with_other_checkpoint_habits) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  TrainingJob job = three_expert_job(model, folder);
  job.config.checkpoint_every = 7;
  job.config.keep_checkpoints = 5;
  EXPECT_NO_THROW(Trainer(job).run());
}

TEST(Trainer, goes_on_with_another_way_to_compute_the_same_numbers) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  TrainingJob job = three_expert_job(model, folder);
  job.config.prepare_ahead = !job.config.prepare_ahead;
  job.config.recompute = !job.config.recompute;
  EXPECT_NO_THROW(Trainer(job).run());
}

TEST(Trainer, a_start_without_a_checkpoint_voids_what_its_groups_recorded_before) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  std::vector<Event> events;
  job.on_event = [&](const Event& event) { events.push_back(event); };
  Trainer(job).run();
  ASSERT_TRUE(std::holds_alternative<ResumeEvent>(events.front()));
  const auto& start = std::get<ResumeEvent>(events.front());
  EXPECT_EQ(start.number, 0);
  EXPECT_EQ(start.groups, (std::vector<std::string>{"expert0", "expert1", "expert2"}));
}

TEST(Trainer, goes_on_with_another_thread_count_only_when_told_to) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  const int before = at::get_num_threads();
  at::set_num_threads(before + 1);
  TrainingJob job = three_expert_job(model, folder);
  const std::string message = message_of<ConfigError>([&] { Trainer(job).run(); });
  EXPECT_NE(message.find("`threads`"), std::string::npos) << message;
  job.config.resume_elsewhere = true;
  EXPECT_NO_THROW(Trainer(job).run());
  at::set_num_threads(before);
}

TEST(Trainer, refuses_a_damaged_checkpoint) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  const auto tensors = folder / "step-000020/tensors.safetensors";
  std::filesystem::resize_file(tensors, std::filesystem::file_size(tensors) / 2);
  const std::string message = message_of<FileError>([&] { Trainer(three_expert_job(model, folder)).run(); });
  EXPECT_NE(message.find("step-000020"), std::string::npos) << message;
}

TEST(Trainer, refuses_data_that_does_not_fit) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.training[0].answer[0] = 64;
  EXPECT_THROW(Trainer{job}, DataError);
  job.training = testing::random_examples(2, 3);
  EXPECT_THROW(Trainer{job}, DataError);
  job.training = testing::random_examples(2, 0);
  EXPECT_THROW(Trainer{job}, DataError);
  job.groups[1].name = "expert0";
  EXPECT_THROW(Trainer{job}, ConfigError);
}

TEST(Trainer, examples_beyond_the_context_are_counted_and_named_before_the_first_step) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();  // a context of 128 tokens
  for (const char* what : {"training", "validation"}) {
    TrainingJob job = three_expert_job(model, folder);
    std::vector<Example>& examples = what == std::string("training") ? job.training : job.validation;
    examples[0].prompt.assign(128 - examples[0].answer.size(), 1);
    EXPECT_NO_THROW(Trainer{job});
    for (std::size_t i = 1; i <= 5; ++i) {
      examples[i].prompt.assign(128, 1);
    }
    examples[1].answer.assign(2, 1);
    examples[2].source = "own.jsonl:3";
    const std::string message = message_of<DataError>([&] { Trainer{job}; });
    for (const std::string& part :
         {std::string(what) + " examples", std::string("128 tokens"), std::string("5 of 21"),
          std::string("with 130"), std::string("own.jsonl:3 with "), std::string(", ...)")}) {
      EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
    }
  }
}

}  // namespace
}  // namespace routedk::train
