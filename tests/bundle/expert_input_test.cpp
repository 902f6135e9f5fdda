#include "routedk/bundle/expert_input.h"

#include "routedk/core/error.h"

#include <iterator>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ExpertInputs : public ::testing::Test {
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
    EXPECT_EQ(prompt.find("RULES-TEXT") != prompt.npos, rules) << static_cast<int>(expert);
    EXPECT_EQ(prompt.find("THOUGHT-TEXT") != prompt.npos, thought) << static_cast<int>(expert);
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

/// Counts words, so that what must fit can be counted by hand.
std::int64_t words_of(const std::vector<text::ChatMessage>& prompt) {
  std::int64_t words = 0;
  for (const text::ChatMessage& message : prompt) {
    std::istringstream in(message.content);
    words += std::distance(std::istream_iterator<std::string>(in), {});
  }
  return words;
}

class PromptBudget : public ExpertInputs {
 protected:
  PromptBudget() {
    put(KnowledgeKind::kRules, "Rule one holds.\nRule two holds. Rule three holds.");
    put(KnowledgeKind::kThought, "Lamps shine. Tea steams.");
    whole_ = words_of(within(ExpertKind::kMerged, 100'000).prompt);
  }

  void put(KnowledgeKind kind, const char* text) {
    KnowledgeRecord record;
    record.session = session_.id;
    record.kind = kind;
    record.text = text;
    knowledge_.put(record);
  }
  TrainingText within(ExpertKind expert, std::int64_t max_tokens) const {
    ExpertInput input{expert, KnowledgePlacement::kInput};
    input.budget = TokenBudget{max_tokens, words_of};
    return training_texts(templates_, session_, knowledge_, input).front();
  }
  std::string prompt_within(std::int64_t max_tokens) const {
    return within(ExpertKind::kMerged, max_tokens).prompt.back().content;
  }

  std::int64_t whole_ = 0;
};

TEST_F(PromptBudget, what_fits_stays_word_for_word) {
  const TrainingText text = within(ExpertKind::kMerged, whole_);
  EXPECT_EQ(text.statements_cut, 0);
  EXPECT_EQ(
      text.prompt.back().content,
      training_texts(templates_, session_, knowledge_, {ExpertKind::kMerged}).front().prompt.back().content);
  EXPECT_THAT(text.prompt.back().content, HasSubstr("Rule one holds.\nRule two holds. Rule three holds.\n"));
}

TEST_F(PromptBudget, the_last_rules_go_first_then_the_last_of_the_thought) {
  EXPECT_THAT(prompt_within(whole_ - 1),
              HasSubstr("Rules: Rule one holds.\nRule two holds.\nThought: Lamps"));
  EXPECT_THAT(prompt_within(whole_ - 4),
              HasSubstr("Rules: Rule one holds.\nThought: Lamps shine. Tea steams."));
  EXPECT_THAT(prompt_within(whole_ - 9), HasSubstr("Rules: \nThought: Lamps shine. Tea steams."));
  EXPECT_THAT(prompt_within(whole_ - 10), HasSubstr("Rules: \nThought: Lamps shine."));
  EXPECT_EQ(within(ExpertKind::kMerged, whole_ - 1).statements_cut, 1);
  EXPECT_EQ(within(ExpertKind::kMerged, whole_ - 10).statements_cut, 4);
}

TEST_F(PromptBudget, every_budget_is_kept_with_as_little_cut_as_can_be) {
  for (std::int64_t max = whole_ - 13; max <= whole_; ++max) {
    const TrainingText text = within(ExpertKind::kMerged, max);
    EXPECT_LE(words_of(text.prompt), max);
    EXPECT_FALSE(text.over_budget);
    EXPECT_GT(words_of(text.prompt) + 3, max) << "a statement of 3 words could have stayed";
  }
}

TEST_F(PromptBudget, titles_are_never_cut) {
  for (const ExpertKind expert : {ExpertKind::kBase, ExpertKind::kMerged}) {
    const TrainingText text = within(expert, 3);
    EXPECT_TRUE(text.over_budget);
    EXPECT_THAT(text.prompt.back().content, HasSubstr(product_list(session_)));
    EXPECT_THAT(text.prompt.back().content, Not(HasSubstr("holds")));
    EXPECT_EQ(text.answer, gold_);
  }
}

TEST_F(ExpertInputs, rules_come_from_the_session_the_domain_or_both) {
  const auto rules = [&](RuleSource source) {
    ExpertInput input{ExpertKind::kHighLevel, KnowledgePlacement::kInput, source};
    input.domain_rules = {"DOMAIN-1", "RULES-TEXT", "DOMAIN-2"};
    const std::string prompt =
        training_texts(templates_, session_, knowledge_, input)[0].prompt.back().content;
    return prompt.substr(prompt.find("Rules: ") + 7);
  };
  EXPECT_EQ(rules(RuleSource::kSession), "RULES-TEXT");
  EXPECT_EQ(rules(RuleSource::kDomain), "DOMAIN-1\nRULES-TEXT\nDOMAIN-2");
  EXPECT_EQ(rules(RuleSource::kBoth), "RULES-TEXT\nDOMAIN-1\nDOMAIN-2");
}

TEST_F(ExpertInputs, only_a_rule_that_the_session_has_itself_is_left_out) {
  KnowledgeRecord record = *knowledge_.find(session_.id, KnowledgeKind::kRules);
  record.text = "Put shades with their lamps.\nPut tea with cups and with spoons.";
  knowledge_.put(record);
  ExpertInput input{ExpertKind::kHighLevel, KnowledgePlacement::kInput, RuleSource::kBoth};
  input.domain_rules = {"Put tea with cups", "lamps.", "Put shades with their lamps."};
  const std::string prompt = training_texts(templates_, session_, knowledge_, input)[0].prompt.back().content;
  EXPECT_THAT(prompt, ::testing::EndsWith("Put tea with cups and with spoons.\nPut tea with cups\nlamps."));
}

TEST(RuleSource, others_than_its_words_are_refused) {
  EXPECT_EQ(find_enum<RuleSource>("both"), RuleSource::kBoth);
  EXPECT_EQ(find_enum<RuleSource>("all"), std::nullopt);
}

TEST(ExpertKind, names_are_read_and_others_refused) {
  EXPECT_EQ(expert_kind("base"), ExpertKind::kBase);
  EXPECT_EQ(expert_kind("high_level"), ExpertKind::kHighLevel);
  EXPECT_EQ(expert_kind("fine_grained"), ExpertKind::kFineGrained);
  EXPECT_EQ(expert_kind("merged"), ExpertKind::kMerged);
  EXPECT_THAT([] { expert_kind("low_level"); },
              ::testing::ThrowsMessage<ConfigError>(HasSubstr("`low_level` instead")));
}

}  // namespace
}  // namespace routedk::bundle
