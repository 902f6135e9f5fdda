#include "routedk/distill/chat_teacher.h"

#include "routedk/core/error.h"

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/temporary_folder.h"
#include "distill/shop.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;
using bundle::KnowledgeRecord;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// shop_session: lamp, tea, shade, cup; gold: {2, 4}, {1, 3}.
constexpr const char* kGold = R"({"bundle1": ["product1", "product3"], "bundle2": ["product2", "product4"]})";
constexpr const char* kWrong = R"({"bundle1": ["product1", "product2"]})";
constexpr const char* kHalf = R"({"bundle1": ["product1", "product3"]})";
constexpr const char* kThought =
    "There are a desk lamp, a tea, a shade and a cup. To drink, the tea goes with the porcelain cup. For "
    "light the "
    "lamp takes the shade.";

/// Replies what the test has laid out, and keeps what it was asked.
class ScriptedModel final : public ChatModel {
 public:
  explicit ScriptedModel(std::deque<std::string> replies) : replies_(std::move(replies)) {}

  void ask(std::span<const ChatRequest> requests, const ReplySink& sink) override {
    batches.push_back(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      asked.push_back(requests[i]);
      EXPECT_FALSE(replies_.empty());
      ChatReply reply{replies_.front(), true, 100, 10, 0.5};
      if (reply.text == "broken off") {
        throw_<SystemError>("broken off");
      }
      if (reply.text == "refused") {
        reply = {};
        reply.refusal = "no such words here";
      }
      reply.finished = reply.text != "...";
      reply.problem = reply.text == "a problem" ? "the model calls tools" : "";
      sink(i, reply);
      if (replies_.size() > 1) {  // the last is said for ever
        replies_.pop_front();
      }
    }
  }

  std::vector<ChatRequest> asked;
  std::vector<std::size_t> batches;

 private:
  std::deque<std::string> replies_;
};

class Chat : public ::testing::Test {
 protected:
  Chat() {
    options_.name = "scripted/1";
    options_.dialogue.templates = &templates_;
  }

  KnowledgeRecord teach(KnowledgeKind kind, std::deque<std::string> replies) {
    model_ = std::make_unique<ScriptedModel>(std::move(replies));
    ChatTeacher teacher(*model_, options_);
    return teacher.teach(session_, kind);
  }
  std::vector<std::string> asked(const KnowledgeRecord& record) {
    std::vector<std::string> names;
    for (const auto& turn : record.turns) {
      names.push_back(turn.asked);
    }
    return names;
  }
  const std::string& last_question() { return model_->asked.back().messages.back().content; }

  bundle::PromptTemplates templates_ =
      bundle::PromptTemplates::load(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "configs/prompts");
  bundle::Session session_ = shop_session();
  ChatTeacherOptions options_;
  std::unique_ptr<ScriptedModel> model_;
};

TEST_F(Chat, a_thought_ends_with_gold_and_is_kept_without_it) {
  const KnowledgeRecord record = teach(KnowledgeKind::kThought, {std::string(kThought) + "\n" + kGold});
  EXPECT_EQ(record.text, kThought);
  EXPECT_TRUE(record.valid());
  EXPECT_THAT(last_question(), HasSubstr(kGold));
  EXPECT_EQ(record.prompt_tokens, 100);
  EXPECT_EQ(record.completion_tokens, 10);
  EXPECT_EQ(record.seconds, 0.5);
  EXPECT_EQ(teach(KnowledgeKind::kThought, {std::string(kThought) + "\n```json\n" + kGold + "\n```\n"}).text,
            kThought);
}

TEST_F(Chat, a_thought_that_fails_a_check_is_asked_for_again_and_then_given_up) {
  const std::string numbered = std::string(kThought) + " So product1 goes with product3.\n" + kGold;
  const std::string short_one = std::string("The tea goes with the cup.\n") + kGold;
  const std::string other = std::string(kThought) + "\n" + kHalf;
  options_.dialogue.retries = 4;
  const KnowledgeRecord record =
      teach(KnowledgeKind::kThought, {kThought, "...", other, short_one, numbered});
  EXPECT_EQ(record.text, "");
  EXPECT_EQ(record.failure, "think: the thought names product numbers");
  std::vector<std::string> problems;
  for (const auto& turn : record.turns) {
    problems.push_back(turn.problem);
  }
  EXPECT_THAT(problems,
              ElementsAre("the reply holds no bundles as JSON", "the reply was cut off by the token limit",
                          "the bundles at the end are not gold's",
                          "the thought does not mention products of every bundle",
                          "the thought names product numbers"));
  EXPECT_EQ(record.prompt_tokens, 500);
  options_.dialogue.mentions = Mentions::kNumbers;
  EXPECT_TRUE(teach(KnowledgeKind::kThought, {numbered}).valid());
}

TEST_F(Chat, a_question_asked_again_has_another_key) {
  teach(KnowledgeKind::kThought, {"no", "no", std::string(kThought) + "\n" + kGold});
  std::set<std::uint64_t> keys;
  for (const ChatRequest& request : model_->asked) {
    keys.insert(request.key);
  }
  EXPECT_EQ(keys.size(), 3U);
}

TEST_F(Chat, it_proposes_hears_feedback_and_reflects_until_its_rounds_are_over) {
  const KnowledgeRecord record =
      teach(KnowledgeKind::kRules,
            {kWrong, "Cause: haste.\nRule: Put shades with their lamps.", kHalf,
             "Cause: tea.\nRule: Put shades with their lamps.\nRule: Put tea with its cups."});
  EXPECT_EQ(record.text, "Put shades with their lamps.\nPut tea with its cups.");
  EXPECT_THAT(asked(record), ElementsAre("propose", "reflect", "propose", "reflect"));
  const auto& requests = model_->asked;
  EXPECT_EQ(requests[0].answer_products, 4);
  EXPECT_EQ(requests[1].answer_products, 0);
  EXPECT_THAT(requests[0].messages.back().content, Not(HasSubstr("lamps")));  // gold and rules unseen
  EXPECT_THAT(requests[1].messages.back().content, HasSubstr("bundle1 serves no single intent: remove it."));
  EXPECT_THAT(requests[2].messages.back().content, HasSubstr("Put shades with their lamps."));
  EXPECT_EQ(requests[3].messages.size(), 4U);  // system, first reflection and its reply, second
  EXPECT_EQ(requests[3].messages[2].content, "Cause: haste.\nRule: Put shades with their lamps.");
  EXPECT_THAT(requests[3].messages[3].content, HasSubstr("bundle1 is right: keep it."));
}

TEST_F(Chat, it_stops_when_the_proposal_is_right) {
  const KnowledgeRecord record =
      teach(KnowledgeKind::kRules, {kWrong, "Rule: Put shades with their lamps.", kGold, "unasked"});
  EXPECT_THAT(asked(record), ElementsAre("propose", "reflect", "propose"));
  EXPECT_EQ(record.text, "Put shades with their lamps.");
}

TEST_F(Chat, it_stops_when_nothing_changes) {
  options_.dialogue.rounds = 9;
  EXPECT_THAT(
      asked(teach(KnowledgeKind::kRules, {kWrong, "Rule: Put shades with their lamps.", kWrong, "unasked"})),
      ElementsAre("propose", "reflect", "propose"));
  const std::string rule = "Rule: Put shades with their lamps.";
  EXPECT_THAT(asked(teach(KnowledgeKind::kRules, {kWrong, rule, kHalf, rule, "unasked"})),
              ElementsAre("propose", "reflect", "propose", "reflect"));
}

TEST_F(Chat, a_right_first_proposal_is_reflected_on_once) {
  const KnowledgeRecord record =
      teach(KnowledgeKind::kRules, {kGold, "Rule: Put shades with their lamps.", kGold});
  EXPECT_THAT(asked(record), ElementsAre("propose", "reflect", "propose"));
}

TEST_F(Chat, a_record_takes_so_many_rules_at_most) {
  options_.dialogue.rounds = 1;
  options_.dialogue.rules_per_session = 1;
  EXPECT_EQ(
      teach(KnowledgeKind::kRules, {kWrong, "Rule: one two three four\nRule: five six seven eight"}).text,
      "one two three four");
}

TEST_F(Chat, each_question_has_its_own_retries_and_the_last_problem_is_the_reason) {
  const KnowledgeRecord record = teach(
      KnowledgeKind::kRules, {"no", "no", kWrong, "none", "none", "Rule: put product1 with product3 now"});
  EXPECT_EQ(record.failure, "reflect: no line states a general rule");
  EXPECT_EQ(record.turns.size(), 6U);
}

TEST_F(Chat, an_answer_is_kept_in_its_canonical_form_with_gold_unseen) {
  const KnowledgeRecord record = teach(KnowledgeKind::kAnswer, {R"({"bundle1": ["product9", "product1"]})",
                                                                R"({"bundle7": ["product3", "product1"]})"});
  EXPECT_EQ(record.text, kHalf);
  EXPECT_EQ(record.turns[0].problem, "a product number is not the session's");
  bundle::Session other = session_;
  other.gold = {};
  const std::string seen = last_question();
  ChatTeacher(*model_, options_).teach(other, KnowledgeKind::kAnswer);
  EXPECT_EQ(last_question(), seen);
}

TEST_F(Chat, dialogues_go_on_side_by_side_at_most_batch_at_a_time) {
  options_.batch = 2;
  ScriptedModel model({std::string(kThought) + "\n" + kGold, "no", std::string(kThought) + "\n" + kGold});
  ChatTeacher teacher(model, options_);
  const std::vector<bundle::Session> sessions{shop_session(1), shop_session(2), shop_session(3)};
  std::vector<Task> tasks;
  for (const auto& session : sessions) {
    tasks.push_back({&session, KnowledgeKind::kThought});
  }
  std::vector<bundle::SessionId> order;
  teacher.teach(tasks, [&](const KnowledgeRecord& record) { order.push_back(record.session); });
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_THAT(model.batches, ElementsAre(2U, 2U));  // 1 and 2 again beside 3
}

TEST_F(Chat, a_spent_budget_of_tokens_stops_it_with_what_is_whole) {
  options_.batch = 1;
  options_.budget.tokens = 330;
  Spending earlier;
  earlier.add({100, 10});
  ScriptedModel model({std::string(kThought) + "\n" + kGold});
  ChatTeacher teacher(model, options_, std::move(earlier));
  const std::vector<Task> tasks(4, Task{&session_, KnowledgeKind::kThought});
  int whole = 0;
  EXPECT_THAT([&] { teacher.teach(tasks, [&](const KnowledgeRecord&) { ++whole; }); },
              ::testing::ThrowsMessage<ConfigError>(HasSubstr("330 of 330 tokens")));
  EXPECT_EQ(whole, 2);
}

TEST_F(Chat, replies_to_dialogues_that_were_broken_off_count_in_the_next_run) {
  const testing::TemporaryFolder folder;
  const auto store = folder / "knowledge.jsonl";
  options_.budget.tokens = 220;
  ScriptedModel model({kWrong, "Rule: Put shades with their lamps.", "broken off"});
  EXPECT_THROW(ChatTeacher(model, options_, Spending(store)).teach(session_, KnowledgeKind::kRules), Error);
  ScriptedModel next({kGold});
  EXPECT_THAT([&] { ChatTeacher(next, options_, Spending(store)).teach(session_, KnowledgeKind::kRules); },
              ::testing::ThrowsMessage<ConfigError>(HasSubstr("220 of 220 tokens")));
  EXPECT_TRUE(next.asked.empty());
}

TEST_F(Chat, a_refused_request_ends_its_own_dialogue_alone) {
  const std::string good = std::string(kThought) + "\n" + kGold;
  ScriptedModel model({"refused", good});
  ChatTeacher teacher(model, options_);
  const std::vector<bundle::Session> sessions{shop_session(1), shop_session(2)};
  const std::vector<Task> tasks{{&sessions[0], KnowledgeKind::kThought},
                                {&sessions[1], KnowledgeKind::kThought}};
  std::map<bundle::SessionId, KnowledgeRecord> records;
  teacher.teach(tasks, [&](const KnowledgeRecord& record) { records[record.session] = record; });
  EXPECT_EQ(records.at(1).failure, "think: no such words here");
  EXPECT_EQ(records.at(1).prompt_tokens, 0);
  EXPECT_EQ(records.at(2).text, kThought);
}

TEST_F(Chat, a_first_request_that_is_refused_alone_stops_nothing_one_at_a_time) {
  options_.batch = 1;
  ScriptedModel model({"refused", "refused", std::string(kThought) + "\n" + kGold});
  ChatTeacher teacher(model, options_);
  const std::vector<bundle::Session> sessions{shop_session(1), shop_session(2), shop_session(3)};
  std::vector<Task> tasks;
  for (const auto& session : sessions) {
    tasks.push_back({&session, KnowledgeKind::kThought});
  }
  std::map<bundle::SessionId, std::string> failures;
  teacher.teach(tasks, [&](const KnowledgeRecord& record) { failures[record.session] = record.failure; });
  EXPECT_THAT(failures, ElementsAre(std::pair(1, "think: no such words here"),
                                    std::pair(2, "think: no such words here"), std::pair(3, "")));
}

TEST_F(Chat, thinking_is_no_part_of_a_thought_a_rule_or_a_turn) {
  const std::string thinking =
      "<think>\nRule: Always group the two cheapest things.\n{\"bundle1\": [\"product9\"]}</think>\n";
  const KnowledgeRecord thought = teach(KnowledgeKind::kThought, {thinking + kThought + "\n" + kGold});
  EXPECT_EQ(thought.text, kThought);
  const KnowledgeRecord rules =
      teach(KnowledgeKind::kRules,
            {thinking + kWrong, thinking + "Rule: Put shades with their lamps.", thinking + kGold});
  EXPECT_EQ(rules.text, "Put shades with their lamps.");
  for (const auto& turn : rules.turns) {
    EXPECT_THAT(turn.reply, Not(HasSubstr("cheapest")));
  }
  options_.dialogue.retries = 0;
  EXPECT_EQ(teach(KnowledgeKind::kThought, {"<think> and on and on"}).failure,
            "think: the reply ends within its thinking");
}

TEST_F(Chat, a_reply_with_a_problem_is_asked_for_again_and_counted) {
  options_.dialogue.retries = 1;
  ScriptedModel model({"a problem", std::string(kThought) + "\n" + kGold});
  ChatTeacher teacher(model, options_);
  const KnowledgeRecord record = teacher.teach(session_, KnowledgeKind::kThought);
  EXPECT_EQ(record.text, kThought);
  EXPECT_EQ(record.turns.at(0).problem, "the model calls tools");
  EXPECT_EQ(record.prompt_tokens, 200);
}

TEST_F(Chat, a_model_that_refuses_the_first_of_all_stops_it_without_a_record) {
  ScriptedModel model({"refused"});
  ChatTeacher teacher(model, options_);
  const std::vector<Task> tasks(2, Task{&session_, KnowledgeKind::kThought});
  int whole = 0;
  EXPECT_THAT([&] { teacher.teach(tasks, [&](const KnowledgeRecord&) { ++whole; }); },
              ::testing::ThrowsMessage<ConfigError>(HasSubstr("no such words here")));
  EXPECT_EQ(whole, 0);
}

TEST_F(Chat, records_that_were_whole_before_an_error_have_been_handed_over) {
  ScriptedModel model({std::string(kThought) + "\n" + kGold, "broken off"});
  ChatTeacher teacher(model, options_);
  const std::vector<Task> tasks(2, Task{&session_, KnowledgeKind::kThought});
  int whole = 0;
  EXPECT_THROW(teacher.teach(tasks, [&](const KnowledgeRecord&) { ++whole; }), SystemError);
  EXPECT_EQ(whole, 1);
}

TEST_F(Chat, a_spent_budget_of_money_stops_it) {
  options_.batch = 1;
  options_.budget = {0, 0.0025, 10.0, 20.0};  // a question costs 100 * 10 / 1e6 + 10 * 20 / 1e6 = 0.0012
  EXPECT_NEAR(options_.budget.cost_of({100, 10}), 0.0012, 1e-12);
  ScriptedModel model({std::string(kThought) + "\n" + kGold});
  ChatTeacher teacher(model, options_);
  const std::vector<Task> tasks(9, Task{&session_, KnowledgeKind::kThought});
  int whole = 0;
  EXPECT_THROW(teacher.teach(tasks, [&](const KnowledgeRecord&) { ++whole; }), ConfigError);
  EXPECT_EQ(whole, 3);
}

TEST_F(Chat, its_card_changes_with_all_that_its_texts_depend_on) {
  ScriptedModel model({""});
  const auto card = [&](const std::function<void(ChatTeacherOptions&)>& change) {
    ChatTeacherOptions options = options_;
    change(options);
    const bundle::TeacherCard c = ChatTeacher(model, options).card();
    return c.teacher + "|" + c.model + "|" + c.prompts + "|" + c.parameters + "|" + std::to_string(c.seed);
  };
  const std::string plain = card([](auto&) {});
  EXPECT_EQ(plain, card([](auto& o) { o.batch = 3; }));
  EXPECT_EQ(plain, card([](auto& o) { o.budget.tokens = 3; }));
  EXPECT_EQ(plain, card([](auto& o) { o.dialogue.retries = 9; }));
  EXPECT_NE(plain, card([](auto& o) { o.model = "other"; }));
  EXPECT_NE(plain, card([](auto& o) { o.sampling.temperature = 0.1; }));
  EXPECT_NE(plain, card([](auto& o) { o.sampling.max_tokens = 5; }));
  EXPECT_NE(plain, card([](auto& o) { o.sampling.seed = 9; }));
  EXPECT_NE(plain, card([](auto& o) { o.dialogue.rounds = 9; }));
  EXPECT_NE(plain, card([](auto& o) { o.dialogue.rules_per_session = 9; }));
  EXPECT_NE(plain, card([](auto& o) { o.dialogue.mentions = Mentions::kNumbers; }));
}

}  // namespace
}  // namespace routedk::distill
