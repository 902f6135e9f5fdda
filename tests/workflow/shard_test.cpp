#include "routedk/workflow/experiment/shard.h"

#include "routedk/core/error.h"

#include "support/variables.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Variables;

Shard shard(const std::string& text, const Variables& variables = {}) {
  return parse_shard(text, testing::environment_of(variables));
}

std::string refusal(const std::string& text, const Variables& variables = {}) {
  try {
    shard(text, variables);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(Shard, parts_have_each_item_once) {
  EXPECT_TRUE(shard("").whole());
  EXPECT_TRUE(shard("1/1").whole());
  const std::vector<int> all{1, 2, 3, 4, 5};
  EXPECT_THAT(part_of(all, shard("1/3"), 1), ElementsAre(1, 4));
  EXPECT_THAT(part_of(all, shard("2/3"), 1), ElementsAre(2, 5));
  EXPECT_THAT(part_of(all, shard("3/3"), 1), ElementsAre(3));
  EXPECT_THAT(part_of(all, shard("7/9"), 1), ElementsAre());
  EXPECT_THAT(part_of(all, shard("1/2"), 2), ElementsAre(1, 2, 5));
  EXPECT_THAT(part_of(all, shard("2/2"), 2), ElementsAre(3, 4));
  EXPECT_EQ(to_string(shard("2/3")), "2-of-3");
}

TEST(Shard, auto_is_the_task_of_a_slurm_array_or_the_rank) {
  const Shard of_array = shard("auto", {{"SLURM_ARRAY_TASK_ID", "7"},
                                        {"SLURM_ARRAY_TASK_COUNT", "4"},
                                        {"SLURM_ARRAY_TASK_MIN", "1"},
                                        {"SLURM_ARRAY_TASK_STEP", "2"}});
  EXPECT_EQ(to_string(of_array), "4-of-4");
  EXPECT_EQ(to_string(shard("auto", {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}})), "1-of-2");
  EXPECT_THAT(refusal("auto"), HasSubstr("--shard auto must be started by a Slurm array, torchrun"));
  EXPECT_THAT(refusal("auto", {{"SLURM_ARRAY_TASK_ID", "9"}, {"SLURM_ARRAY_TASK_COUNT", "2"}}),
              HasSubstr("is 10/2 (the Slurm array must be a range without gaps)"));
}

TEST(Shard, refuses_what_is_no_part) {
  EXPECT_THAT(refusal("3/2"), HasSubstr("a shard must be I/N with 1 <= I <= N"));
  EXPECT_THAT(refusal("0/2"), HasSubstr("but is 0/2"));
  for (const char* const text : {"2", "a/2", "1/2/3", "1/", "/2", "-1/2x"}) {
    EXPECT_THAT(refusal(text), HasSubstr("--shard must be I/N, as 2/4, or auto")) << text;
  }
}

TEST(Shard, a_part_is_known_by_its_files_name) {
  EXPECT_EQ(shard_of_name("2-of-4.jsonl")->count, 4);
  EXPECT_EQ(shard_of_name("2-of-4-by-16.spent.jsonl")->index, 2);
  EXPECT_FALSE(shard_of_name("other.jsonl"));
  EXPECT_FALSE(shard_of_name("1-of-99999999999999.jsonl"));
  EXPECT_THROW(shard_of_name("9-of-4.jsonl"), ConfigError);
}

}  // namespace
}  // namespace routedk::workflow
