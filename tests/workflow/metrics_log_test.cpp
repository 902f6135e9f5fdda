#include "routedk/workflow/experiment/metrics_log.h"

#include <limits>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsLog, a_record_is_a_line_and_its_numbers_are_events) {
  const testing::TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), "router", {{"base", "rules"}, {}});
    log.add({{"resumed_at", 3}});
    log.add({{"step", 4},
             {"group", "router"},
             {"loss", 0.5},
             {"gates",
              {{{"mean", {0.25, 0.75}}, {"collapsed", 1.0}}, {{"mean", {0.75, 0.25}}, {"collapsed", 0.0}}}},
             {"metrics", {{"precision", 0.125}}}});
  }
  std::vector<io::Json> lines;
  io::read_jsonl(folder / "metrics.jsonl",
                 [&](const io::Json& line, std::int64_t) { lines.push_back(line); });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], (io::Json{{"job", "router"}, {"resumed_at", 3}}));
  EXPECT_EQ(lines[1]["gates"][1]["mean"][0], 0.75);
  const auto file = std::filesystem::directory_iterator(folder / "tensorboard/router")->path();
  const std::string events = testing::content_of(file);
  for (const char* tag : {"loss/objective", "router/weight_of_base", "router/weight_of_rules",
                          "router/collapsed", "validation/precision"}) {
    EXPECT_THAT(events, HasSubstr(tag));
  }
  EXPECT_THAT(events, Not(HasSubstr("resumed_at")));
  EXPECT_THAT(events, HasSubstr(std::string("weight_of_base\x15\0\0\0\x3F", 19)));  // the layers' mean, 0.5F
}

TEST(MetricsLog, every_expert_is_a_run_of_its_own_name_where_it_is_told_to_be) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "train-base");
  const io::Json gates = io::Json::array({io::Json{{"mean", io::Json::array({1.0})}}});
  {
    MetricsLog log(folder / "train-base", "train_expected_utility",
                   {{}, [&](const std::string& expert) { return folder / ("train-" + expert); }});
    for (const char* expert : {"base", "rules", "base"}) {
      log.add({{"step", 1}, {"group", expert}, {"token_loss", 0.5}, {"gates", gates}});
    }
  }
  for (const char* run :
       {"train-base/tensorboard/base_expected_utility", "train-rules/tensorboard/rules_expected_utility"}) {
    const std::filesystem::directory_iterator files(folder / run);
    const std::string events = testing::content_of(files->path());
    EXPECT_THAT(events, HasSubstr("loss/training"));
    EXPECT_THAT(events, HasSubstr("router/mean_0")) << "an expert without a name";
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / run), {}), 1);
  }
  EXPECT_EQ(tensorboard_run("train", "base"), "base");
  EXPECT_EQ(tensorboard_run("router", "router"), "router");
  EXPECT_EQ(tensorboard_run("random_experts", "router"), "random_experts");
}

/// The line that an event becomes.
std::string line_of(const train::Event& event) {
  return to_json(event).dump();
}

TEST(MetricsLog, a_step_that_drew_answers_says_what_they_were_worth) {
  train::GroupStep step;
  step.samples = train::SampleFigures{0.5, 0.25, 2.0, 0.75, 1.0, 0.0, 0.125, 0.5, 3.0};
  EXPECT_THAT(
      line_of(train::StepEvent{"base", 7, step, 300.5}),
      HasSubstr(R"("samples":{"utility":0.5,"advantage_std":0.25,"entropy":2.0,"distinct":0.75,)"
                R"("informative":1.0,"unfinished":0.0,"seconds":3.0,"kl":0.125,"clipped":0.5},"skipped":0)"));
}

TEST(MetricsLog, every_event_is_a_record_of_a_fixed_form) {
  train::GroupStep step{.loss = 0.5,
                        .token_loss = 0.25,
                        .grad_norm = 2.0,
                        .learning_rate = 1e-3,
                        .examples = 2,
                        .tokens = 30,
                        .answer_tokens = 4,
                        .seconds = 1.5,
                        .not_finite = nullptr,
                        .skipped = false,
                        .samples = {},
                        .keys = {},
                        .routing = {}};
  EXPECT_EQ(line_of(train::StepEvent{"base", 7, step, 300.5}),
            R"({"step":7,"group":"base","loss":0.5,"token_loss":0.25,"learning_rate":0.001,"grad_norm":2.0,)"
            R"("tokens":30,"answer_tokens":4,"tokens_per_s":20.0,"seconds":1.5,"memory_mib":300.5})");
  step.routing = {{{0.25, 0.75}, {0.0, 0.0}, 0.5, 0.25, 0.0, 1.0}};
  EXPECT_THAT(
      line_of(train::StepEvent{"router", 7, step, 300.5}),
      HasSubstr(R"("memory_mib":300.5,"gates":[{"mean":[0.25,0.75],"variance":[0.0,0.0],)"
                R"("entropy_of_mean":0.5,"mean_entropy":0.25,"near_uniform":0.0,"collapsed":1.0}]})"));
  step.loss = -std::numeric_limits<double>::quiet_NaN();
  step.grad_norm = std::numeric_limits<double>::infinity();
  step.not_finite = "loss";
  step.keys = {3, 9};
  EXPECT_EQ(line_of(train::BadStepEvent{"base", 8, step}),
            R"({"step":8,"group":"base","not_finite":"loss","not_finite_loss":"nan",)"
            R"("not_finite_norm":"inf","keys":[3,9]})");
  train::Validation validation{0.75, {}};
  EXPECT_EQ(line_of(train::ValidationEvent{"base", 8, validation, true}),
            R"({"step":8,"group":"base","validation_loss":0.75,"best":true})");
  validation.found = {{{12, "a"}, {13, "b"}}, {{"precision", 1.0}, {"recall", 0.5}}, {"said elsewhere"}};
  EXPECT_EQ(line_of(train::ValidationEvent{"base", 8, validation, false}),
            R"({"step":8,"group":"base","validation_loss":0.75,"best":false,"answers":[{"key":12,)"
            R"("answer":"a"},{"key":13,"answer":"b"}],"metrics":{"precision":1.0,"recall":0.5}})");
  validation.utility = 0.625;
  EXPECT_THAT(line_of(train::ValidationEvent{"base", 8, validation, true}),
              HasSubstr(R"("group":"base","validation_utility":0.625,"best":true)"));
  EXPECT_EQ(line_of(train::WarningEvent{"base", 8, "collapse"}),
            R"({"step":8,"group":"base","warning":"collapse"})");
  EXPECT_EQ(line_of(train::ResumeEvent{5, {"base", "merged"}}),
            R"({"resumed_at":5,"groups":["base","merged"]})");
}

}  // namespace
}  // namespace routedk::workflow
