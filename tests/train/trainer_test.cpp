#include "routedk/train/trainer.h"

#include "routedk/core/error.h"
#include "routedk/experts/router.h"
#include "routedk/train/answer_loss.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/temporary_folder.h"
#include "train/tiny_model.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 4;
  config.batch_size = 2;
  config.max_tokens = 40;
  config.learning_rate = 2e-2;
  config.dropout = 0.1;
  config.checkpoint_every = 3;
  return config;
}

/// Ten examples for expert 0 (20 steps), four for expert 1 (8 steps), seven for expert 2 (16 steps).
std::vector<Example> three_groups(std::uint64_t first_key = 0) {
  std::vector<Example> all = testing::random_examples(10, 0, first_key);
  for (const auto& [count, group] : {std::pair(4, 1), {7, 2}}) {
    const auto more = testing::random_examples(static_cast<std::size_t>(count), group, first_key);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

TrainingJob three_expert_job(experts::RoutedModel& model, const TemporaryFolder& folder) {
  TrainingJob job = testing::job_for(
      model,
      {testing::expert_group(model, 0), testing::expert_group(model, 1), testing::expert_group(model, 2)},
      folder.path());
  job.config = small_config();
  job.training = three_groups();
  job.validation = three_groups(100);
  return job;
}

at::Tensor values(const experts::RoutedModel& model, int expert) {
  return model.bank()[expert].parameters().values();
}

/// Mean answer-token loss of an expert over its group's examples.
double mean_loss(const experts::RoutedModel& model, int expert, const std::vector<Example>& examples) {
  const at::NoGradGuard no_grad;
  std::vector<const Example*> own;
  for (const Example& example : examples) {
    if (example.group == expert) {
      own.push_back(&example);
    }
  }
  const PackedBatch batch = pack(own);
  return answer_loss_sum(model, experts::SingleExpertGate(expert, 3), batch).item<double>() /
         static_cast<double>(batch.answer_tokens());
}

TEST(Trainer, accumulation_over_micro_batches_equals_the_whole_batch) {
  std::vector<at::Tensor> results;
  for (const std::int64_t max_tokens : {1, 1000}) {
    const TemporaryFolder folder;
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob job = three_expert_job(model, folder);
    job.config.max_tokens = max_tokens;
    job.config.batch_size = 5;
    job.config.epsilon = 1e-4;  // otherwise AdamW blows rounding up where a gradient is nearly zero
    Trainer(job).run();
    results.push_back(values(model, 0));
  }
  EXPECT_FALSE(at::equal(results[0], values(testing::tiny_model(), 0)));
  EXPECT_LE((results[0] - results[1]).abs().max().item<double>(), 1e-4);
}

TEST(Trainer, all_at_once_equals_one_by_one) {
  const TemporaryFolder folder;
  experts::RoutedModel together = testing::tiny_model();
  const std::vector<GroupResult> results = Trainer(three_expert_job(together, folder)).run();
  for (int i = 0; i < 3; ++i) {
    const TemporaryFolder own_folder;
    experts::RoutedModel alone = testing::tiny_model();
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
    EXPECT_TRUE(at::equal(values(alone, i), values(together, i))) << "expert " << i;
    const GroupProgress& progress = results[static_cast<std::size_t>(i)].progress;
    EXPECT_EQ(own[0].progress.best_validation_loss, progress.best_validation_loss);
    EXPECT_EQ(own[0].progress.step, progress.step);
    EXPECT_EQ(own[0].progress.tokens, progress.tokens);
  }
}

TEST(Trainer, resuming_after_any_step_equals_an_uninterrupted_run_bit_for_bit) {
  const TemporaryFolder reference_folder;
  experts::RoutedModel reference = testing::tiny_model();
  const std::vector<GroupResult> expected = Trainer(three_expert_job(reference, reference_folder)).run();
  ASSERT_EQ(expected[0].progress.step, 20);
  for (std::int64_t stop = 1; stop <= 20; ++stop) {
    const TemporaryFolder folder;
    experts::RoutedModel interrupted = testing::tiny_model();
    TrainingJob job = three_expert_job(interrupted, folder);
    job.record = [stop](const io::Json& record) {
      if (record.contains("loss") && record["step"] == stop && record["group"] == "expert0") {
        throw std::runtime_error("interrupted");
      }
    };
    EXPECT_THROW(Trainer(job).run(), std::runtime_error);
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob again = three_expert_job(model, folder);
    std::int64_t resumed_at = 0;
    again.record = [&](const io::Json& record) { resumed_at = record.value("resumed_at", resumed_at); };
    const std::vector<GroupResult> results = Trainer(again).run();
    EXPECT_EQ(resumed_at, (stop - 1) / 3 * 3);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(values(model, i), values(reference, i)))
          << "expert " << i << " stopped at " << stop;
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
  std::vector<io::Json> records;
  job.record = [&](const io::Json& record) { records.push_back(record); };
  Trainer(job).run();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0], (io::Json{{"resumed_at", 20}}));
  EXPECT_TRUE(at::equal(values(again, 0), values(model, 0)));
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
  job.record = [&](const io::Json& record) {
    if (record.contains("validation_loss") && record["group"] == "expert0") {
      losses.push_back(record["validation_loss"]);
    }
  };
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
  std::vector<io::Json> records;
  job.record = [&](const io::Json& record) { records.push_back(record); };
  const double expected = mean_loss(model, 0, job.training);
  Trainer(job).run();
  ASSERT_EQ(records.size(), 4U);
  std::int64_t tokens = 0;
  std::size_t answer_tokens = 0;
  for (const Example& example : job.training) {
    tokens += example.tokens();
    answer_tokens += example.answer.size();
  }
  EXPECT_NEAR(records[0]["loss"].get<double>(), expected, 1e-5);
  EXPECT_EQ(records[0]["step"], 1);
  EXPECT_EQ(records[0]["group"], "expert0");
  EXPECT_EQ(records[0]["learning_rate"], 2e-2);
  EXPECT_EQ(records[0]["tokens"], tokens);
  EXPECT_EQ(records[0]["answer_tokens"], answer_tokens);
  EXPECT_GT(records[0]["grad_norm"], 0.0);
  EXPECT_GT(records[0]["tokens_per_s"], 0.0);
}

TEST(Trainer, a_loss_that_is_not_finite_stops_before_anything_is_applied) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  values(model, 1)[3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor before = values(model, 0).clone();
  const std::string message =
      message_of<NumericError>([&] { Trainer(three_expert_job(model, folder)).run(); });
  EXPECT_NE(message.find("expert1"), std::string::npos) << message;
  EXPECT_NE(message.find("after 0 steps"), std::string::npos) << message;
  EXPECT_NE(message.find("examples "), std::string::npos) << message;
  EXPECT_TRUE(at::equal(values(model, 0), before));
  EXPECT_EQ(testing::entries_of(folder.path()), 0);
}

TEST(Trainer, a_loss_that_is_not_finite_leaves_older_checkpoints) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.record = [&](const io::Json& record) {
    if (record.value("step", 0) == 7) {
      values(model, 0).fill_(std::numeric_limits<float>::infinity());
    }
  };
  EXPECT_THROW(Trainer(job).run(), NumericError);
  EXPECT_TRUE(std::filesystem::exists(folder / "step-000003/state.json"));
  EXPECT_TRUE(std::filesystem::exists(folder / "step-000006/state.json"));
  EXPECT_EQ(testing::entries_of(folder.path()), 2);
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
  EXPECT_NE(rate.find("`/config/learning_rate`"), std::string::npos) << rate;
  EXPECT_NE(rate.find("0.02, but is 0.001"), std::string::npos) << rate;
  const std::string data = refusal([](TrainingJob& job) { job.training[0].answer[0] ^= 1; });
  EXPECT_NE(data.find("`/groups/expert0/training_hash`"), std::string::npos) << data;
  const std::string group = refusal([](TrainingJob& job) { job.groups[2].name = "other"; });
  EXPECT_NE(group.find("`/groups/other/"), std::string::npos) << group;
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

TEST(Trainer, goes_on_with_another_thread_count_only_when_told_to) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  const int before = at::get_num_threads();
  at::set_num_threads(before + 1);
  TrainingJob job = three_expert_job(model, folder);
  const std::string message = message_of<ConfigError>([&] { Trainer(job).run(); });
  EXPECT_NE(message.find("`/threads`"), std::string::npos) << message;
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
  Trainer(job).run();
  EXPECT_LT(loss(), 0.7 * before);
  EXPECT_TRUE(at::equal(values(model, 2), expert_before));
  EXPECT_FALSE(model.bank()[2].parameters().trainable());
}

}  // namespace
}  // namespace routedk::train
