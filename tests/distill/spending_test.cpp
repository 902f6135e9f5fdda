#include "routedk/distill/spending.h"

#include "routedk/bundle/knowledge.h"
#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

class Spent : public ::testing::Test {
 protected:
  std::int64_t total() const {
    const TokenCounts counts = spent_on(store_);
    return 1000 * counts.prompt + counts.completion;
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path store_ = folder_ / "knowledge.jsonl";
};

TEST_F(Spent, every_reply_is_on_disk_as_soon_as_it_is_counted) {
  Spending spending(store_);
  EXPECT_EQ(total(), 0);
  spending.add({7, 3});
  EXPECT_EQ(total(), 7003);
  spending.add({1, 2});
  EXPECT_EQ(total(), 8005);
  EXPECT_EQ(spending.total().prompt, 8);
}

TEST_F(Spent, another_run_goes_on_from_there) {
  Spending(store_).add({7, 3});
  Spending again(store_);
  again.add({1, 1});
  EXPECT_EQ(again.total().completion, 4);
  EXPECT_EQ(total(), 8004);
}

TEST_F(Spent, a_store_of_an_earlier_version_counts_with_its_records_once) {
  bundle::KnowledgeRecord record;
  record.prompt_tokens = 40;
  record.completion_tokens = 5;
  folder_.write("knowledge.jsonl", to_json(record).dump() + "\n" + to_json(record).dump() + "\n");
  EXPECT_EQ(total(), 80'010);
  Spending(store_).add({1, 1});
  EXPECT_EQ(total(), 81'011);
}

TEST_F(Spent, a_last_line_that_a_crash_left_is_dropped) {
  folder_.write("knowledge.spent.jsonl",
                "{\"prompt_tokens\": 7, \"completion_tokens\": 3}\n{\"prompt_tokens\": 9");
  EXPECT_EQ(total(), 7003);
  Spending(store_).add({1, 1});
  EXPECT_EQ(total(), 8004);
}

TEST_F(Spent, a_broken_line_is_named_with_its_place) {
  folder_.write("knowledge.spent.jsonl", "{\"prompt_tokens\": -1, \"completion_tokens\": 3}\n");
  EXPECT_THAT(
      testing::message_of<FileError>([&] { total(); }),
      ::testing::AllOf(::testing::HasSubstr("`prompt_tokens`"), ::testing::HasSubstr(".spent.jsonl:1")));
}

}  // namespace
}  // namespace routedk::distill
