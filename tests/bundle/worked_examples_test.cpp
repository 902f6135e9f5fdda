#include "routedk/bundle/worked_examples.h"

#include "routedk/bundle/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Session titled_session(SessionId id, const std::vector<std::string>& titles, bool has_gold = true) {
  Session session;
  session.id = id;
  for (const std::string& title : titles) {
    session.items.push_back({10 * id + static_cast<ItemId>(session.items.size()), title, ""});
  }
  if (has_gold) {
    session.gold = {{{session.items[1].id, session.items[0].id}, "an intent"}};
  }
  return session;
}

std::vector<Session> training() {
  return {titled_session(1, {"red lamp", "lamp shade"}), titled_session(2, {"green tea", "tea cup"}),
          titled_session(3, {"steam train", "train rails"}),
          titled_session(4, {"black tea", "tea pot"}, false),
          titled_session(5, {"tea cup", "tea pot", "green tea"})};
}

TfIdf titles() {
  std::map<ItemId, std::string> all;
  for (const Session& session : training()) {
    for (const Item& item : session.items) {
      all[item.id] = item.title;
    }
  }
  return TfIdf(all);
}

std::vector<SessionId> shown(ExampleChoice choice, std::int64_t count, const Session& session) {
  const WorkedExamples examples(training(), titles(), count, choice);
  std::vector<SessionId> ids;
  for (const Session* const example : examples.of(session)) {
    ids.push_back(example->id);
  }
  return ids;
}

TEST(WorkedExamples, spread_ones_are_the_same_for_every_session_and_have_gold) {
  EXPECT_THAT(shown(ExampleChoice::kSpread, 4, titled_session(9, {"a", "b"})), ElementsAre(1, 2, 3, 5));
  EXPECT_EQ(shown(ExampleChoice::kSpread, 2, titled_session(9, {"a", "b"})),
            shown(ExampleChoice::kSpread, 2, titled_session(8, {"green tea", "b"})));
}

TEST(WorkedExamples, the_most_similar_stands_last) {
  EXPECT_THAT(shown(ExampleChoice::kSimilar, 2, titled_session(9, {"green tea", "big tea cup", "tea pot"})),
              ElementsAre(2, 5));
  EXPECT_THAT(shown(ExampleChoice::kSimilar, 1, titled_session(9, {"train", "rails"})), ElementsAre(3));
}

TEST(WorkedExamples, never_show_a_session_its_own_gold) {
  for (const Session& session : training()) {
    for (const ExampleChoice choice : {ExampleChoice::kSpread, ExampleChoice::kSimilar}) {
      EXPECT_THAT(shown(choice, 5, session), ::testing::Not(::testing::Contains(session.id)));
    }
  }
}

TEST(WorkedExamples, stand_in_raw_prompts_as_earlier_turns_with_the_canonical_answer) {
  PromptTemplates templates = PromptTemplates::load(std::string(ROUTEDK_SOURCE_DIR) + "/configs/prompts");
  const Session asked = titled_session(9, {"green tea", "tea pot"});
  const auto plain = templates.render(PromptKind::kRaw, asked);
  templates.show(std::make_shared<WorkedExamples>(training(), titles(), 2, ExampleChoice::kSimilar));
  const auto messages = templates.render(PromptKind::kRaw, asked);
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0].content, plain[0].content);
  EXPECT_EQ(messages[1].role, "user");
  EXPECT_THAT(messages[3].content, HasSubstr("{product1: tea cup, product2: tea pot, product3: green tea}"));
  EXPECT_EQ(messages[4].role, "assistant");
  EXPECT_EQ(messages[4].content, R"({"bundle1": ["product1", "product2"]})");
  EXPECT_EQ(messages[5].content, plain[1].content);
  EXPECT_EQ(templates.render(PromptKind::kRules, asked, {"R", ""}).size(), 2U) << "raw prompts alone";
}

}  // namespace
}  // namespace routedk::bundle
