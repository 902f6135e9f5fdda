#include "routedk/eval/task_results.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const bundle::BootstrapOptions kTaskBootstrap{1, 300};

/// Two turns of line 1, `kind`'s, and one of line 2, `curt`'s.
std::vector<TaskGold> gold() {
  return {{{1, 1}, "kind", {"yes"}}, {{1, 2}, "kind", {"a b c d"}}, {{2, 1}, "curt", {"no", "nope"}}};
}

std::vector<TaskAnswer> given_answers() {
  std::vector<TaskAnswer> all(3);
  const std::vector<double> losses = {2.0, 4.0, 3.0};
  const std::vector<std::int64_t> tokens = {2, 3, 1};
  const std::vector<std::string> greedy = {"yes ", "a x c d", "what"};
  const std::vector<std::vector<std::string>> drawn = {
      {"no", "yes", "yes"}, {"a", "b", "c"}, {"nope", "nope", "no"}};
  for (std::size_t i = 0; i < 3; ++i) {
    all[i] = {gold()[i].place, losses[i],          tokens[i],        greedy[i],
              drawn[i],        {-1.0, -2.0, -3.0}, {{0.25F, 0.75F}}, 0.5};
  }
  return all;
}

std::vector<TaskResult> scored_tasks(std::vector<std::int64_t> votes) {
  return score_task("dynamic", gold(), given_answers(), {std::move(votes), true, kTaskBootstrap});
}

TEST(TaskResults, are_means_over_answers_and_the_loss_over_their_tokens) {
  const auto results = scored_tasks({});
  ASSERT_EQ(results.size(), 1U);
  const io::Json json = to_json(results[0]);
  EXPECT_DOUBLE_EQ(json["loss"].get<double>(), 9.0 / 6.0);
  EXPECT_DOUBLE_EQ(json["perplexity"].get<double>(), std::exp(1.5));
  EXPECT_DOUBLE_EQ(json["exact_match"].get<double>(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(json["rouge_l"].get<double>(), (1.0 + 0.75 + 0.0) / 3.0);
  EXPECT_DOUBLE_EQ(json["loss_by_expert"]["kind"].get<double>(), 6.0 / 5.0);
  EXPECT_DOUBLE_EQ(json["loss_by_expert"]["curt"].get<double>(), 3.0);
  EXPECT_DOUBLE_EQ(json["seconds"].get<double>(), 1.5);
  EXPECT_EQ(json["choice"], "greedy");
  EXPECT_NEAR(json["routing"][0]["mean"][1].get<double>(), 0.75, 1e-6);
}

TEST(TaskResults, a_vote_sees_the_first_so_many_candidates) {
  const auto results = scored_tasks({2, 3});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[1].name, "dynamic vote n=2");
  // Of two candidates the likelier, which is the first: no, a, nope.
  EXPECT_DOUBLE_EQ(to_json(results[1])["exact_match"].get<double>(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(to_json(results[1])["share"].get<double>(), (0.5 + 0.5 + 1.0) / 3.0);
  // Of three: yes, a, nope.
  const io::Json three = to_json(results[2]);
  EXPECT_DOUBLE_EQ(three["exact_match"].get<double>(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(three["rouge_l"].get<double>(), (1.0 + 0.4 + 1.0) / 3.0);
  EXPECT_EQ(three["samples"], 3);
  EXPECT_FALSE(three.contains("routing"));
}

TEST(TaskResults, lines_are_resampled_with_all_their_turns) {
  const TaskResult result = scored_tasks({})[0];
  ASSERT_EQ(result.lines.size(), 2U);
  // Two lines: every resample is one of them twice or both, so the ends are the single lines' own figures.
  const auto& loss = result.intervals[static_cast<std::size_t>(TaskMetric::kLoss)];
  EXPECT_DOUBLE_EQ(loss.low, 6.0 / 5.0);
  EXPECT_DOUBLE_EQ(loss.high, 3.0);
  const auto& exact = result.intervals[static_cast<std::size_t>(TaskMetric::kExactMatch)];
  EXPECT_DOUBLE_EQ(exact.low, 0.0);
  EXPECT_DOUBLE_EQ(exact.high, 0.5);
}

TEST(TaskResults, differences_are_paired) {
  const auto results = scored_tasks({3});
  const io::Json same = compare_task(results[0], results[0], kTaskBootstrap);
  EXPECT_EQ(same["difference"]["rouge_l"], 0.0);
  EXPECT_EQ(same["intervals"]["rouge_l"], (io::Json{0.0, 0.0}));
  const io::Json vote = compare_task(results[1], results[0], kTaskBootstrap);
  EXPECT_DOUBLE_EQ(vote["difference"]["exact_match"].get<double>(), 1.0 / 3.0);
  EXPECT_EQ(vote["intervals"]["exact_match"], (io::Json{0.0, 1.0}));
  EXPECT_EQ(vote["a"], "dynamic vote n=3");
}

TEST(TaskResults, the_table_has_each_figure_once) {
  const auto results = scored_tasks({3});
  io::Json json = {{"systems", io::Json::object()}, {"warnings", {"dynamic: answers alike"}}};
  for (const TaskResult& result : results) {
    json["systems"][result.name] = to_json(result);
  }
  const Table whole = task_table(io::JsonField(json, "results"));
  EXPECT_THAT(whole.usual, ElementsAre("loss", "perplexity", "exact_match", "rouge_l"));
  std::vector<std::string> names;
  for (const Column& column : whole.columns) {
    names.push_back(column.name);
  }
  EXPECT_THAT(names, ElementsAre("loss", "perplexity", "exact_match", "rouge_l", "loss curt", "loss kind",
                                 "share", "seconds"));
  EXPECT_THAT(whole.warnings, ElementsAre("dynamic: answers alike"));
  for (const Row& row : whole.rows) {
    EXPECT_EQ(row.cells.size(), whole.columns.size()) << row.name;
  }
  EXPECT_FALSE(whole.rows[1].cells[0].value) << "a vote changes no loss";
  EXPECT_EQ(whole.title, "");
  json.update({{"examples", "/data/test.jsonl"}, {"answers", 8}});
  EXPECT_EQ(task_table(io::JsonField(json, "results")).title, "Results: test.jsonl, 8 answers");
  EXPECT_THAT(markdown_table(whole), HasSubstr("| dynamic | 1.500 [1.200, 3.000] | 4.482 "));
}

}  // namespace
}  // namespace routedk::eval
