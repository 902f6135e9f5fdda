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

using ::testing::HasSubstr;

KnowledgeRecord record(SessionId session, KnowledgeKind kind, const std::string& text) {
  KnowledgeRecord made{
      session, kind, text, {"endpoint/1", "m-8b", "fedc", "rounds=2", 7}, "0123456789abcdef"};
  made.gold = "89ab";
  made.turns = {{"propose", "{}", "no good"}, {"propose", "{\"bundle1\": []}", ""}};
  made.prompt_tokens = 50;
  made.completion_tokens = 6;
  made.seconds = 0.25;
  made.time = "2026-01-31T23:59:59Z";
  return made;
}

std::filesystem::path file_with(const std::string& text) {
  auto path = std::filesystem::path(::testing::TempDir()) /
              (std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + ".jsonl");
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
  EXPECT_EQ(store.prompt_tokens(), 100);  // both were paid for
  EXPECT_EQ(store.completion_tokens(), 12);
}

TEST(Knowledge, a_last_line_that_a_crash_tore_is_dropped) {
  const std::string good = to_json(record(1, KnowledgeKind::kRules, "r")).dump() + "\n";
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    const auto path = file_with(good + to_json(record(2, KnowledgeKind::kRules, "r")).dump().substr(0, cut));
    ASSERT_EQ(KnowledgeStore::load(path).size(), 1U) << cut;
  }
  EXPECT_EQ(KnowledgeStore::load(file_with("{")).size(), 0U);
}

TEST(Knowledge, a_failed_record_has_no_text_to_use) {
  KnowledgeRecord failed = record(8, KnowledgeKind::kThought, "");
  failed.failure = "think: too short";
  KnowledgeStore store;
  store.put(failed);
  EXPECT_FALSE(store.find(8, KnowledgeKind::kThought)->valid());
  EXPECT_THAT([&] { store.text(8, KnowledgeKind::kThought); },
              ::testing::ThrowsMessage<DataError>(
                  ::testing::AllOf(HasSubstr("session 8"), HasSubstr("think: too short"))));
}

TEST(Knowledge, a_session_without_a_record_is_named) {
  EXPECT_THAT([] { KnowledgeStore().text(31, KnowledgeKind::kThought); },
              ::testing::ThrowsMessage<DataError>(HasSubstr("session 31")));
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
  const auto with = [&](const char* name, const io::Json& value) {
    io::Json changed = io::Json::parse(good);
    changed[name] = value;
    return error_of(changed.dump());
  };
  EXPECT_THAT(with("kind", "rule"), ::testing::AllOf(HasSubstr("\"rule\" instead"), HasSubstr(".jsonl:2)")));
  EXPECT_THAT(with("session", 1.5), HasSubstr("`session` must be an integer"));
  EXPECT_THAT(with("kind", 7), HasSubstr("`kind` must be rules, thought or answer, but is 7"));
  EXPECT_THAT(with("seed", -1), HasSubstr("`seed` must be an integer of at least 0"));
  EXPECT_THAT(with("turns", "none"), HasSubstr("`turns` must be a list"));
  EXPECT_THAT(with("turns", io::Json::parse(R"([{"asked": "a", "reply": "b"}])")),
              HasSubstr("`turns[0].problem`"));
  EXPECT_THAT(with("extra", 1), HasSubstr("`extra` must be absent"));
  io::Json less = io::Json::parse(good);
  less.erase("gold");
  EXPECT_THAT(error_of(less.dump()), HasSubstr("`gold` must be a text, but is missing"));
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
  const TeacherCard card{"a", "m", "p", "x", 1};
  std::set<std::string> hashes{inputs_hash(card, KnowledgeKind::kThought, session),
                               inputs_hash({"b", "m", "p", "x", 1}, KnowledgeKind::kRules, session),
                               inputs_hash({"a", "n", "p", "x", 1}, KnowledgeKind::kRules, session),
                               inputs_hash({"a", "m", "q", "x", 1}, KnowledgeKind::kRules, session),
                               inputs_hash({"a", "m", "p", "y", 1}, KnowledgeKind::kRules, session),
                               inputs_hash({"a", "m", "p", "x", 2}, KnowledgeKind::kRules, session)};
  for (const Session& each : changed) {
    hashes.insert(inputs_hash(card, KnowledgeKind::kRules, each));
  }
  EXPECT_EQ(hashes.size(), 13U);
  EXPECT_EQ(inputs_hash(card, KnowledgeKind::kRules, changed[0]),
            inputs_hash(card, KnowledgeKind::kRules, session));
  EXPECT_EQ(gold_version(changed[3]), gold_version(session));
  EXPECT_NE(gold_version(changed[5]), gold_version(session));
  EXPECT_NE(gold_version(changed[6]), gold_version(session));
}

}  // namespace
}  // namespace routedk::bundle
