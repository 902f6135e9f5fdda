#include "routedk/train/trainer.h"

#include "routedk/core/error.h"
#include "routedk/core/stop_signal.h"
#include "routedk/experts/router.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
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
    EXPECT_LE((results[0] - result).abs().max().item<double>(), 1e-4);
  }
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
  EXPECT_NEAR(records[0]["token_loss"].get<double>(), expected, 1e-5);
  EXPECT_GT(records[0]["memory_mib"], 10.0);
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
  TrainingJob job = three_expert_job(model, folder);
  job.config.max_bad_steps = 0;
  const std::string message = message_of<NumericError>([&] { Trainer(job).run(); });
  EXPECT_NE(message.find("expert1"), std::string::npos) << message;
  EXPECT_NE(message.find("after 0 steps"), std::string::npos) << message;
  EXPECT_NE(message.find("examples "), std::string::npos) << message;
  EXPECT_TRUE(at::equal(values(model, 0), before));
  EXPECT_EQ(testing::entries_of(folder.path()), 0);
}

/// Makes the values of expert 0 infinite after step 7, and good again before `bad_steps` more are computed.
TrainingJob stumbling_job(experts::RoutedModel& model, const TemporaryFolder& folder, std::int64_t bad_steps,
                          std::vector<io::Json>& records) {
  TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
  job.config = small_config();
  job.training = testing::random_examples(10, 0);
  const auto good = std::make_shared<at::Tensor>();
  job.record = [&model, &records, bad_steps, good](const io::Json& record) {
    records.push_back(record);
    const at::Tensor live = values(model, 0);
    if (record.contains("loss") && record["step"] == 7) {
      *good = live.clone();
      live.fill_(std::numeric_limits<float>::infinity());
    } else if (record.contains("not_finite") && record["step"] == 7 + bad_steps) {
      live.copy_(*good);
    }
  };
  return job;
}

TEST(Trainer, a_step_that_is_not_finite_is_not_applied_but_logged_with_its_examples) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  std::vector<io::Json> records;
  const GroupProgress progress = Trainer(stumbling_job(model, folder, 2, records)).run()[0].progress;
  EXPECT_EQ(progress.step, 20);
  EXPECT_EQ(progress.bad_steps, 2);
  EXPECT_EQ(progress.bad_steps_in_a_row, 0);
  EXPECT_TRUE(at::isfinite(values(model, 0)).all().item<bool>());
  const auto bad = std::find_if(records.begin(), records.end(),
                                [](const io::Json& record) { return record.contains("not_finite"); });
  ASSERT_NE(bad, records.end());
  EXPECT_EQ((*bad)["step"], 8);
  EXPECT_EQ((*bad)["not_finite"], "loss");
  EXPECT_EQ((*bad)["not_finite_loss"], "nan");
  const DataOrder order(10, 2, small_config().seed, "expert0");
  std::vector<std::uint64_t> keys;
  for (const std::size_t i : order.batch(7)) {
    keys.push_back(i);
  }
  auto logged = (*bad)["keys"].get<std::vector<std::uint64_t>>();
  EXPECT_TRUE(std::is_permutation(keys.begin(), keys.end(), logged.begin(), logged.end()));
}

TEST(Trainer, more_steps_in_a_row_than_allowed_that_are_not_finite_stop_with_the_last_good_checkpoint) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  std::vector<io::Json> records;
  TrainingJob job = stumbling_job(model, folder, 100, records);
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
  GroupStep step = trainer.compute();
  step.not_finite = "loss";
  trainer.apply(step);
  step.not_finite = nullptr;
  step.learning_rate = 1e-2;
  const at::Tensor before = values(model, 0).clone();
  trainer.apply(step);
  // The first step of Adam moves every value that has a gradient by the learning rate.
  EXPECT_NEAR((values(model, 0) - before).abs().max().item<double>(), 1e-2, 1e-4);
}

TEST(Trainer, a_signal_lets_the_step_finish_and_be_saved_and_the_run_goes_on_bit_for_bit) {
  const TemporaryFolder reference_folder;
  experts::RoutedModel reference = testing::tiny_model();
  Trainer(three_expert_job(reference, reference_folder)).run();
  for (const int signal : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    experts::RoutedModel stopped = testing::tiny_model();
    TrainingJob job = three_expert_job(stopped, folder);
    job.record = [signal](const io::Json& record) {
      if (record.value("step", 0) == 4 && record["group"] == "expert0" && record.contains("loss")) {
        raise(signal);
      }
    };
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
      EXPECT_TRUE(at::equal(values(model, i), values(reference, i))) << "expert " << i;
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
  EXPECT_NE(rate.find("`/config/learning_rate`"), std::string::npos) << rate;
  EXPECT_NE(rate.find("0.02, but is 0.001"), std::string::npos) << rate;
  const std::string data = refusal([](TrainingJob& job) { job.training[0].answer[0] ^= 1; });
  EXPECT_NE(data.find("`/groups/expert0/training_hash`"), std::string::npos) << data;
  const std::string gate = refusal([](TrainingJob& job) { job.groups[0].settings = {{"temperature", 2}}; });
  EXPECT_NE(gate.find("`/groups/expert0/settings/temperature`"), std::string::npos) << gate;
  const std::string rates = refusal([](TrainingJob& job) { job.config.learning_rates = {{"expert1", 1.0}}; });
  EXPECT_NE(rates.find("`/config/learning_rates"), std::string::npos) << rates;
  const std::string group = refusal([](TrainingJob& job) { job.groups[2].name = "other"; });
  EXPECT_NE(group.find("`/groups/other/"), std::string::npos) << group;
}

TEST(Trainer, refuses_a_checkpoint_of_another_model_of_the_same_shape) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  Trainer(three_expert_job(model, folder)).run();
  const at::Tensor& norm = model.backbone().layers()[1].mlp_norm;
  norm.mul_(1.5);
  const std::string message =
      message_of<ConfigError>([&] { Trainer(three_expert_job(model, folder)).run(); });
  EXPECT_NE(message.find("`/backbone/weights`"), std::string::npos) << message;
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

TEST(Trainer, a_group_with_a_learning_rate_of_its_own_takes_it_and_the_others_the_common_one) {
  const TemporaryFolder folder;
  experts::RoutedModel model = testing::tiny_model();
  TrainingJob job = three_expert_job(model, folder);
  job.config.warmup = 0.0;
  job.config.schedule = "constant";
  job.config.learning_rates = {{"expert1", 7e-3}};
  std::map<std::string, double> rates;
  job.record = [&](const io::Json& record) {
    if (record.contains("loss")) {
      rates[record["group"]] = record["learning_rate"];
    }
  };
  Trainer(job).run();
  EXPECT_EQ(rates, (std::map<std::string, double>{{"expert0", 2e-2}, {"expert1", 7e-3}, {"expert2", 2e-2}}));
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
  job.record = [&](const io::Json& record) {
    if (record.contains("validation_loss") && record["group"] == "expert0") {
      losses.push_back(record["validation_loss"]);
    }
  };
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
  job.record = [&](const io::Json& record) {
    if (record.contains("loss")) {
      mean = 0.9 * mean + 0.1 * values(model, 0).to(at::kDouble);
    }
  };
  Trainer(job).run();
  EXPECT_LE((values(model, 0) - mean).abs().max().item<double>(), 1e-6);

  experts::RoutedModel again = testing::tiny_model();
  const TemporaryFolder other;
  TrainingJob second = testing::job_for(again, {testing::expert_group(again, 0)}, other.path());
  second.config = job.config;
  second.training = job.training;
  second.validation = testing::random_examples(10, 0, 100);
  double loss = 0.0;
  double best = std::numeric_limits<double>::infinity();
  second.record = [&](const io::Json& record) {
    loss = record.value("validation_loss", loss);
    best = std::min(best, record.value("validation_loss", best));
  };
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
      job.record = [&](const io::Json& record) {
        if (interrupted && stop && record.value("step", 0) == 8) {
          throw std::runtime_error("interrupted");
        }
      };
      try {
        Trainer(job).run();
      } catch (const std::runtime_error&) {
        continue;
      }
      results.push_back(values(model, 0));
    }
  }
  ASSERT_EQ(results.size(), 3U);
  EXPECT_TRUE(at::equal(results[0], results[2]));
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
  job.record = [&](const io::Json& record) {
    tokens[static_cast<std::size_t>(record["step"].get<int>() - 1) / 5] +=
        record["tokens"].get<std::int64_t>();
  };
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
  job.look = [](const std::string& group) {
    return Findings{{{"answers", {group}}}, {"all answers are the same"}};
  };
  std::vector<io::Json> validations;
  std::vector<io::Json> warnings;
  job.record = [&](const io::Json& record) {
    if (record.contains("validation_loss")) {
      validations.push_back(record);
    } else if (record.contains("warning")) {
      warnings.push_back(record);
    }
  };
  Trainer(job).run();
  ASSERT_EQ(validations.size(), 12U);
  EXPECT_EQ(validations[0]["answers"][0], validations[0]["group"]);
  EXPECT_EQ(std::count_if(warnings.begin(), warnings.end(),
                          [](const io::Json& w) { return w["warning"] == "all answers are the same"; }),
            12);
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
  std::vector<io::Json> records;
  job.record = [&](const io::Json& record) {
    if (record.contains("loss")) {
      records.push_back(record);
    }
  };
  Trainer(job).run();
  ASSERT_EQ(records.front()["gates"].size(), 2U);
  EXPECT_NEAR(records.front()["gates"][0]["mean"][2], 1.0 / 3.0, 1e-6);
  EXPECT_GT(records.back()["gates"][0]["mean"][2], 0.5);
  EXPECT_LT(loss(), 0.7 * before);
  EXPECT_TRUE(at::equal(values(model, 2), expert_before));
  EXPECT_FALSE(model.bank()[2].parameters().trainable());
}

}  // namespace
}  // namespace routedk::train
