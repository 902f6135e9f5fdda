#include "routedk/bundle/expert_input.h"

#include "routedk/core/error.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using testing::HasSubstr;
using testing::Not;

class ExpertInputs : public testing::Test {
 protected:
  ExpertInputs() {
    session_.id = 4;
    session_.items = {{10, "lamp", ""}, {20, "tea", ""}, {30, "shade", ""}, {40, "cup", ""}};
    session_.gold = {{{40, 20}, "a hot drink"}, {{10, 30}, "light"}};
    knowledge_.put({4, KnowledgeKind::kRules, "RULES-TEXT", "t", "h"});
    knowledge_.put({4, KnowledgeKind::kThought, "THOUGHT-TEXT", "t", "h"});
  }

  std::vector<TrainingText> texts(ExpertKind expert, KnowledgePlacement placement) const {
    return training_texts(templates_, session_, knowledge_, {expert, placement});
  }

  PromptTemplates templates_ = PromptTemplates::load(std::string(ROUTEDK_SOURCE_DIR) + "/configs/prompts");
  Session session_;
  KnowledgeStore knowledge_;
  std::string gold_ = R"({"bundle1": ["product1", "product3"], "bundle2": ["product2", "product4"]})";
};

TEST_F(ExpertInputs, gold_is_written_in_canonical_form) {
  EXPECT_EQ(gold_text(session_), gold_);
}

TEST_F(ExpertInputs, each_expert_reads_its_own_knowledge) {
  for (const auto& [expert, rules, thought] :
       {std::tuple{ExpertKind::kBase, false, false}, std::tuple{ExpertKind::kHighLevel, true, false},
        std::tuple{ExpertKind::kFineGrained, false, true}, std::tuple{ExpertKind::kMerged, true, true}}) {
    const auto made = texts(expert, KnowledgePlacement::kInput);
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].answer, gold_);
    const std::string& prompt = made[0].prompt.back().content;
    EXPECT_EQ(prompt.find("RULES-TEXT") != prompt.npos, rules) << expert_name(expert);
    EXPECT_EQ(prompt.find("THOUGHT-TEXT") != prompt.npos, thought) << expert_name(expert);
  }
}

TEST_F(ExpertInputs, auxiliary_knowledge_is_written_and_never_read) {
  const auto made = texts(ExpertKind::kMerged, KnowledgePlacement::kAuxiliary);
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[0].answer, gold_);
  EXPECT_EQ(made[1].answer, "RULES-TEXT");
  EXPECT_EQ(made[2].answer, "THOUGHT-TEXT");
  EXPECT_NE(made[1].prompt.back().content, made[0].prompt.back().content);
  for (const TrainingText& text : made) {
    EXPECT_THAT(text.prompt.back().content, Not(HasSubstr("-TEXT")));
  }
  EXPECT_EQ(texts(ExpertKind::kBase, KnowledgePlacement::kAuxiliary).size(), 1U);
  EXPECT_EQ(texts(ExpertKind::kHighLevel, KnowledgePlacement::kAuxiliary).back().answer, "RULES-TEXT");
}

TEST_F(ExpertInputs, inference_shows_no_knowledge_and_no_gold) {
  const std::string prompt = inference_prompt(templates_, session_).back().content;
  EXPECT_THAT(prompt, Not(HasSubstr("-TEXT")));
  EXPECT_THAT(prompt, Not(HasSubstr("a hot drink")));
}

TEST_F(ExpertInputs, missing_knowledge_is_an_error_only_for_those_who_need_it) {
  knowledge_ = KnowledgeStore();
  EXPECT_NO_THROW(texts(ExpertKind::kBase, KnowledgePlacement::kInput));
  EXPECT_THROW(texts(ExpertKind::kHighLevel, KnowledgePlacement::kInput), DataError);
  EXPECT_THROW(texts(ExpertKind::kFineGrained, KnowledgePlacement::kAuxiliary), DataError);
}

TEST(ExpertKind, names_are_read_back_and_others_refused) {
  for (const char* name : {"base", "high_level", "fine_grained", "merged"}) {
    EXPECT_STREQ(expert_name(expert_kind(name)), name);
  }
  EXPECT_THAT([] { expert_kind("low_level"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("`low_level` instead")));
}

}  // namespace
}  // namespace routedk::bundle
