#include "routedk/model/batch.h"

#include "routedk/core/error.h"

#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::expect_equal;

TEST(FlatBatch, lays_sequences_end_to_end_with_restarting_positions) {
  const FlatBatch batch = FlatBatch::make({{5, 6, 7}, {8}, {9, 9}}, {2, 1, 2});
  expect_equal(batch.ids, at::tensor({5, 6, 7, 8, 9, 9}, at::kLong));
  expect_equal(batch.positions, at::tensor({0, 1, 2, 0, 0, 1}, at::kLong));
  expect_equal(batch.seq_of_token, at::tensor({0, 0, 0, 1, 2, 2}, at::kLong));
  EXPECT_EQ(batch.cu_seqlens, (std::vector<std::int64_t>{0, 3, 4, 6}));
  EXPECT_EQ(batch.sequences(), 3);
  EXPECT_EQ(batch.tokens(), 6);
}

TEST(PredictingRows, are_those_from_the_last_prompt_token_to_the_last_but_one) {
  const FlatBatch batch = FlatBatch::make({{5, 6, 7}, {8}, {9, 4, 3, 2}}, {2, 1, 1});
  const BatchPart part = predicting_rows(batch);
  expect_equal(part.rows, at::tensor({1, 4, 5, 6}, at::kLong));
  expect_equal(part.batch.ids, at::tensor({6, 9, 4, 3}, at::kLong));
  expect_equal(part.batch.positions, at::tensor({1, 0, 1, 2}, at::kLong));
  expect_equal(part.batch.seq_of_token, at::tensor({0, 2, 2, 2}, at::kLong));
  EXPECT_EQ(part.batch.cu_seqlens, (std::vector<std::int64_t>{0, 1, 1, 4}));
}

TEST(FlatBatch, answers_to_one_prompt_stand_behind_it_at_the_same_positions) {
  const FlatBatch batch = FlatBatch::make({{{5, 6}, {{7, 8, 9}, {4}}}, {{3}, {}}, {{1}, {{2}}}});
  expect_equal(batch.ids, at::tensor({5, 6, 7, 8, 9, 4, 3, 1, 2}, at::kLong));
  expect_equal(batch.positions, at::tensor({0, 1, 2, 3, 4, 2, 0, 0, 1}, at::kLong));
  expect_equal(batch.seq_of_token, at::tensor({0, 0, 0, 0, 0, 0, 1, 2, 2}, at::kLong));
  EXPECT_EQ(batch.cu_seqlens, (std::vector<std::int64_t>{0, 6, 7, 9}));
  EXPECT_EQ(batch.prompt_len, (std::vector<std::int64_t>{2, 1, 1}));
  std::vector<std::int64_t> parents;
  for (const kernels::Segment& segment : batch.segments()) {
    parents.push_back(segment.parent);
  }
  EXPECT_EQ(parents, (std::vector<std::int64_t>{-1, 0, 0, -1, -1, 4}));
  const BatchPart part = predicting_rows(batch);
  expect_equal(part.rows, at::tensor({1, 2, 3, 1, 7}, at::kLong));
  expect_equal(part.batch.positions, at::tensor({1, 2, 3, 1, 0}, at::kLong));
  EXPECT_EQ(part.batch.cu_seqlens, (std::vector<std::int64_t>{0, 4, 4, 5}));
  EXPECT_THROW(FlatBatch::make(std::vector<PromptAnswers>{{{}, {{1}}}}), ConfigError);
}

TEST(FlatBatch, batches_are_joined_one_after_another) {
  const FlatBatch first = FlatBatch::make({{5, 6, 7}, {8}}, {2, 1});
  const FlatBatch second = FlatBatch::make({{{9, 9}, {{4, 3}}}});
  const FlatBatch whole = FlatBatch::joined({&first, &second});
  expect_equal(whole.ids, at::tensor({5, 6, 7, 8, 9, 9, 4, 3}, at::kLong));
  expect_equal(whole.positions, at::tensor({0, 1, 2, 0, 0, 1, 2, 3}, at::kLong));
  expect_equal(whole.seq_of_token, at::tensor({0, 0, 0, 1, 2, 2, 2, 2}, at::kLong));
  EXPECT_EQ(whole.cu_seqlens, (std::vector<std::int64_t>{0, 3, 4, 8}));
  EXPECT_EQ(whole.prompt_len, (std::vector<std::int64_t>{2, 1, 2}));
  EXPECT_EQ(whole.segments().back().parent, 2);
  EXPECT_EQ(whole.segments().back().begin, 6);
}

TEST(FlatBatch, refuses_empty_sequences_and_prompts_beyond_their_sequence) {
  EXPECT_THROW(FlatBatch::make({{}}, {0}), ConfigError);
  EXPECT_THROW(FlatBatch::make({{1, 2}}, {0}), ConfigError);
  EXPECT_THROW(FlatBatch::make({{1, 2}}, {3}), ConfigError);
  EXPECT_THROW(FlatBatch::make({{1, 2}}, {}), ConfigError);
}

}  // namespace
}  // namespace routedk::model
