#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include <filesystem>
#include <memory>
#include <string>

#include "core/temporary_folder.h"
#include "support/real_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kCheckout = ROUTEDK_SOURCE_DIR;

/// Experiments on the project's own sample with a few training sessions and an empty knowledge store.
class ShownInPrompts : public testing::RealModel {
 protected:
  void SetUp() override {
    RealModel::SetUp();
    taught_ = experiment({})->step_folder({StepKind::kDistil});
    fs::create_directories(taught_);
    write_file_atomic(taught_ / "knowledge.jsonl", "");
  }

  std::unique_ptr<Experiment> experiment(const std::vector<std::string>& assignments) const {
    ConfigSource source = ConfigSource::empty();
    source.set("data.dir=" + (kCheckout / "data/sample").string());
    source.set("prompts=" + (kCheckout / "configs/prompts").string());
    source.set("model.path=" + testing::real_model_path().string());
    source.set("run.dir=" + (folder_ / "run").string());
    source.set("split.train_limit=3");
    for (const std::string& assignment : assignments) {
      source.set(assignment);
    }
    return std::make_unique<Experiment>(read_config<ExperimentConfig>(source));
  }
  static std::string prompt_of(const Experiment& experiment, const train::Example& example) {
    return experiment.encoder().tokenizer().decode(example.prompt, false);
  }

  testing::TemporaryFolder folder_;
  fs::path taught_;  // of the distil step, which all experiments here share
};

TEST_F(ShownInPrompts, one_setting_shows_relations_in_training_and_inference_prompts) {
  const auto plain = experiment({});
  const auto related = experiment({"prompt.relations=[title_similarity, co_purchase]"});
  const auto of_plain = expert_examples(*plain, "base", 0);
  const auto of_related = expert_examples(*related, "base", 0);
  ASSERT_EQ(of_related.size(), 3U);
  for (std::size_t i = 0; i < of_related.size(); ++i) {
    EXPECT_THAT(prompt_of(*related, of_related[i]), HasSubstr("\nRelations: similar titles: "));
    EXPECT_THAT(prompt_of(*plain, of_plain[i]), Not(HasSubstr("Relations")));
    EXPECT_EQ(of_related[i].answer, of_plain[i].answer);
  }
  const auto test = raw_examples(*related, related->split().test, 0);
  EXPECT_THAT(prompt_of(*related, test.front()), HasSubstr("| bought together: "));
}

TEST_F(ShownInPrompts, relations_are_learnt_from_the_training_sessions_that_are_left) {
  const auto all = experiment({"prompt.relations=[category_rates]", "split.train_limit=0"});
  const auto none = experiment({"prompt.relations=[category_rates]", "split.train_limit=1"});
  const auto& test = all->split().test;
  const auto with_all = raw_examples(*all, test, 0);
  const auto with_none = raw_examples(*none, test, 0);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < with_all.size(); ++i) {
    changed += with_all[i].prompt == with_none[i].prompt ? 0 : 1;
  }
  EXPECT_GT(changed, 0U);
}

TEST_F(ShownInPrompts, the_best_rules_of_the_domain_are_read_where_the_teacher_left_them) {
  write_file_atomic(taught_ / "domain_rules.txt", "First rule.\n\nSecond rule.\nThird rule.\n");
  const auto made = experiment({"knowledge.rules=domain", "knowledge.domain_rules=2"});
  const std::string prompt = prompt_of(*made, expert_examples(*made, "high_level", 0).front());
  EXPECT_THAT(prompt, HasSubstr("Rules: First rule.\nSecond rule."));
  EXPECT_THAT(prompt, Not(HasSubstr("Third")));
  fs::remove(taught_ / "domain_rules.txt");
  EXPECT_THROW(expert_examples(*made, "high_level", 0), FileError);
}

TEST_F(ShownInPrompts, what_the_token_budget_cuts_is_counted_and_recorded_for_each_expert) {
  write_file_atomic(taught_ / "domain_rules.txt", "First rule.\nSecond rule.\n");
  const auto wide = experiment({"knowledge.rules=domain"});
  InputCounts counts;
  expert_examples(*wide, "high_level", 0, &counts);
  EXPECT_EQ(counts.prompts, 3);
  EXPECT_EQ(counts.cut + counts.statements_cut + counts.over_budget, 0);
  const auto narrow = experiment({"knowledge.rules=domain", "prompt.max_tokens=20"});
  const auto examples = expert_examples(*narrow, "high_level", 0, &counts);
  const auto recorded = [&](const std::string& expert) {
    begin_step(*narrow, {StepKind::kTrain, expert});
    record_inputs(*narrow, expert, counts);
    return io::read_json(narrow->step_folder({StepKind::kTrain, expert}) / "inputs.json");
  };
  EXPECT_EQ(recorded("high_level"),
            io::Json::parse(R"({"prompts": 3, "cut": 3, "statements_cut": 6, "over_budget": 3})"));
  expert_examples(*narrow, "base", 0, &counts);
  EXPECT_EQ(recorded("base").at("over_budget"), 3);
  const auto& session = narrow->split().train.front();
  EXPECT_THAT(prompt_of(*narrow, examples.front()), HasSubstr(session.items.back().title));
}

TEST_F(ShownInPrompts, budgets_hold_as_the_tokenizer_counts) {
  write_file_atomic(taught_ / "domain_rules.txt", "First rule.\nSecond rule.\nThird rule.\n");
  const auto free = experiment({"knowledge.rules=domain"});
  const auto whole = expert_examples(*free, "high_level", 0).front().prompt.size();
  const auto tight = experiment({"knowledge.rules=domain", fmt::format("prompt.max_tokens={}", whole - 1)});
  const auto cut = expert_examples(*tight, "high_level", 0).front();
  EXPECT_LT(cut.prompt.size(), whole);
  EXPECT_THAT(prompt_of(*tight, cut), HasSubstr("Rules: First rule.\nSecond rule."));
  EXPECT_THAT(prompt_of(*tight, cut), Not(HasSubstr("Third")));
}

TEST_F(ShownInPrompts, categories_that_some_items_lack_are_called_leaky) {
  EXPECT_FALSE(experiment({"prompt.relations=[category_rates]"})->leaky_categories());
  fs::copy(kCheckout / "data/sample", folder_ / "data", fs::copy_options::recursive);
  folder_.write("data/electronic/item_categories.csv", "item ID,categories\n");
  const std::string dir = "data.dir=" + (folder_ / "data").string();
  for (const std::string shown : {"category_rates", "related", "draft"}) {
    EXPECT_TRUE(experiment({dir, "prompt.relations=[" + shown + "]"})->leaky_categories()) << shown;
  }
  EXPECT_FALSE(experiment({dir, "prompt.relations=[title_similarity]"})->leaky_categories());
}

TEST_F(ShownInPrompts, a_relation_named_twice_is_refused) {
  EXPECT_THROW(experiment({"prompt.relations=[category_rates, category_rates]"}), ConfigError);
}

}  // namespace
}  // namespace routedk::workflow
