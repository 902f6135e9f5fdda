#include "routedk/bundle/knowledge.h"

#include "routedk/core/error.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using testing::HasSubstr;

KnowledgeRecord record(SessionId session, KnowledgeKind kind, const std::string& text) {
  return {session, kind, text, "annotation/1", "0123456789abcdef"};
}

std::filesystem::path file_with(const std::string& text) {
  auto path = std::filesystem::path(testing::TempDir()) /
              (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".jsonl");
  std::ofstream(path) << text;
  return path;
}

TEST(Knowledge, a_record_survives_the_file) {
  const KnowledgeRecord rules = record(12, KnowledgeKind::kRules, "Tea \"and\"\ncoffee \u2615");
  const KnowledgeRecord thought = record(12, KnowledgeKind::kThought, "");
  const auto path = file_with(to_json(rules).dump() + "\n" + to_json(thought).dump() + "\n");
  const KnowledgeStore store = KnowledgeStore::load(path);
  ASSERT_EQ(store.size(), 2U);
  EXPECT_EQ(*store.find(12, KnowledgeKind::kRules), rules);
  EXPECT_EQ(*store.find(12, KnowledgeKind::kThought), thought);
  EXPECT_EQ(store.find(13, KnowledgeKind::kRules), nullptr);
}

TEST(Knowledge, the_last_record_of_a_session_and_kind_counts) {
  KnowledgeStore store;
  store.put(record(1, KnowledgeKind::kRules, "old"));
  store.put(record(1, KnowledgeKind::kRules, "new"));
  EXPECT_EQ(store.text(1, KnowledgeKind::kRules), "new");
  EXPECT_EQ(store.size(), 1U);
}

TEST(Knowledge, a_session_without_a_record_is_named) {
  EXPECT_THAT([] { KnowledgeStore().text(31, KnowledgeKind::kThought); },
              testing::ThrowsMessage<DataError>(HasSubstr("session 31")));
}

TEST(Knowledge, a_broken_record_is_named_with_file_and_line) {
  const std::string good = to_json(record(1, KnowledgeKind::kRules, "r")).dump();
  const auto error_of = [&](const std::string& line) -> std::string {
    try {
      KnowledgeStore::load(file_with(good + "\n" + line + "\n"));
    } catch (const FileError& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string tail = R"(,"text":"t","teacher":"a","inputs":"b"})";
  EXPECT_THAT(error_of(R"({"session":1,"kind":"rule")" + tail),
              testing::AllOf(HasSubstr("`rule` instead"), HasSubstr(".jsonl:2)")));
  EXPECT_THAT(error_of(R"({"session":1.5,"kind":"rules")" + tail), HasSubstr("`session`"));
  EXPECT_THAT(error_of(R"({"session":1,"kind":7)" + tail), HasSubstr("`kind` must be a string"));
  EXPECT_THAT(error_of(R"({"session":1)" + tail), HasSubstr("field `kind`"));
  EXPECT_THAT(error_of(R"({"session":1,"kind":"rules","extra":1)" + tail), HasSubstr("`extra`"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("JSON object"));
}

TEST(Knowledge, the_inputs_hash_sees_every_input) {
  Session session;
  session.id = 5;
  session.items = {{1, "lamp", "Lights"}, {2, "shade", ""}};
  session.gold = {{{1, 2}, "light a room"}};
  std::vector<Session> changed(7, session);
  changed[1].id = 6;
  changed[2].items[0].id = 3;
  changed[3].items[1].title = "shades";
  changed[4].items[1].category = "Lights";
  changed[5].gold[0].intent = "";
  changed[6].gold[0].items = {2, 1};
  std::set<std::string> hashes{inputs_hash("b", KnowledgeKind::kRules, session),
                               inputs_hash("a", KnowledgeKind::kThought, session)};
  for (const Session& each : changed) {
    hashes.insert(inputs_hash("a", KnowledgeKind::kRules, each));
  }
  EXPECT_EQ(hashes.size(), 9U);
  EXPECT_EQ(inputs_hash("a", KnowledgeKind::kRules, changed[0]),
            inputs_hash("a", KnowledgeKind::kRules, session));
}

}  // namespace
}  // namespace routedk::bundle
