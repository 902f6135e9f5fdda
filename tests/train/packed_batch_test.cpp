#include "routedk/train/packed_batch.h"

#include "routedk/core/error.h"

#include <algorithm>

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include "train/tiny_model.h"
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

using testing::expect_equal;

TEST(PackedBatch, every_example_is_packed_once_and_micro_batches_keep_to_max_tokens) {
  const std::vector<Example> examples = testing::random_examples(40, 0);
  std::vector<std::uint64_t> keys;
  for (const PackedBatch& batch : pack_all(testing::pointers(examples), 33)) {
    EXPECT_LE(batch.batch.tokens(), 33);
    keys.insert(keys.end(), batch.keys.begin(), batch.keys.end());
  }
  std::sort(keys.begin(), keys.end());
  ASSERT_EQ(keys.size(), 40U);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(keys[i], i);
  }
}

TEST(PackedBatch, an_example_longer_than_max_tokens_runs_alone) {
  const std::vector<Example> examples{{{1, 2, 3, 4}, {5}, 0, 1}, {{1}, {2}, 0, 2}, {{3}, {4}, 0, 3}};
  const std::vector<PackedBatch> batches = pack_all(testing::pointers(examples), 4);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].keys, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(batches[1].keys, (std::vector<std::uint64_t>{1}));
}

TEST(PackedBatch, predicting_rows_stand_one_before_their_answer_tokens) {
  const std::vector<Example> examples{{{10, 11, 12}, {20, 21}, 0, 1}, {{13}, {22, 23, 24}, 0, 2}};
  const PackedBatch batch = pack(testing::pointers(examples));
  expect_equal(batch.batch.ids, at::tensor({10, 11, 12, 20, 21, 13, 22, 23, 24}, at::kLong));
  expect_equal(batch.predicting.rows, at::tensor({2, 3, 5, 6, 7}, at::kLong));
  expect_equal(batch.targets, at::tensor({20, 21, 22, 23, 24}, at::kLong));
  EXPECT_EQ(batch.batch.prompt_len, (std::vector<std::int64_t>{3, 1}));
}

TEST(PackedBatch, an_example_without_an_answer_is_refused_by_its_key) {
  const std::vector<Example> examples{{{1, 2}, {}, 0, 77}};
  const std::string message = testing::message_of<DataError>([&] { pack(testing::pointers(examples)); });
  EXPECT_NE(message.find("77"), std::string::npos) << message;
}

}  // namespace
}  // namespace routedk::train
