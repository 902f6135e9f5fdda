#include "routedk/train/trainer.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "support/expect_close.h"
#include "train/trainer_jobs.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::TemporaryFolder;

Example longer_each_epoch(const Example& example, std::int64_t epoch) {
  Example longer = example;
  longer.prompt.insert(longer.prompt.end(), static_cast<std::size_t>(epoch), 1);
  return longer;
}

TEST(PreparingAhead, gives_the_values_of_preparing_in_turn_bit_for_bit) {
  std::vector<std::vector<at::Tensor>> results;
  for (const bool ahead : {false, true}) {
    const TemporaryFolder folder;
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob job = three_expert_job(model, folder);
    job.config.prepare_ahead = ahead;
    const std::thread::id own = std::this_thread::get_id();
    std::atomic<std::int64_t> elsewhere = 0;
    job.augment = [&](const Example& example, std::int64_t epoch) {
      elsewhere += std::this_thread::get_id() == own ? 0 : 1;
      return longer_each_epoch(example, epoch);
    };
    Trainer(job).run();
    // All but each group's first batch: 2 of the 40, 16 and 28 examples that their four epochs have.
    EXPECT_EQ(elsewhere, ahead ? 38 + 14 + 26 : 0);
    results.push_back({values(model, 0), values(model, 1), values(model, 2)});
  }
  for (std::size_t i = 0; i < 3; ++i) {
    SCOPED_TRACE("expert " + std::to_string(i));
    testing::expect_equal(results[0][i], results[1][i]);
  }
}

TEST(PreparingAhead, an_error_comes_in_the_step_that_needs_the_batch) {
  for (const bool ahead : {false, true}) {
    const TemporaryFolder folder;
    experts::RoutedModel model = testing::tiny_model();
    TrainingJob job = testing::job_for(model, {testing::expert_group(model, 0)}, folder.path());
    job.config = small_config();
    job.config.prepare_ahead = ahead;
    job.training = testing::random_examples(10, 0);
    job.augment = [](const Example& example, std::int64_t epoch) {
      if (epoch == 2) {
        throw std::runtime_error("no third epoch");
      }
      return example;
    };
    std::int64_t done = 0;
    job.on_event = on<StepEvent>([&](const StepEvent& event) { done = event.number; });
    EXPECT_THROW(Trainer(job).run(), std::runtime_error);
    EXPECT_EQ(done, 10) << "steps before the third epoch";
  }
}

}  // namespace
}  // namespace routedk::train
