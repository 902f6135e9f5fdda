#include "routedk/distill/teacher.h"

#include <array>
#include <filesystem>
#include <fstream>
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
using bundle::KnowledgeStore;
using bundle::Session;

constexpr std::array kKinds{KnowledgeKind::kRules, KnowledgeKind::kThought};

/// Counts its calls; stops the run after some of them; fails at session 3's thought.
class CountingTeacher final : public Teacher {
 public:
  explicit CountingTeacher(const std::string& name, int calls_left = 1000)
      : Teacher({name, "m", "p", "x", 1}), calls_left_(calls_left) {}
  int calls() const { return calls_; }

  void teach(std::span<const Task> tasks, const RecordSink& sink) override {
    for (const Task& task : tasks) {
      if (calls_++ == calls_left_) {
        throw std::runtime_error("out of calls");
      }
      KnowledgeRecord record = blank_record(card(), task);
      const bool fails = task.session->id == 3 && task.kind == KnowledgeKind::kThought;
      record.failure = fails ? "no idea" : "";
      record.text = fails ? "" : card().teacher + fmt::format("{}{}", task.session->id, task.kind);
      record.prompt_tokens = 10;
      record.completion_tokens = 2;
      sink(record);
    }
  }

 private:
  int calls_left_;
  int calls_ = 0;
};

class DistillKnowledge : public ::testing::Test {
 protected:
  DistillCounts distill(Teacher& teacher, const DistillProgress& progress = {}) {
    return distill_knowledge(teacher, training_, kKinds, store_, progress);
  }
  /// The file's records, but for when they were written.
  std::vector<KnowledgeRecord> records() const {
    std::vector<KnowledgeRecord> all;
    io::read_jsonl(store_, [&](const io::Json& json, std::int64_t) {
      all.push_back(bundle::knowledge_from_json(json, "test"));
      EXPECT_THAT(all.back().time, ::testing::MatchesRegex("20..-..-..T..:..:..Z"));
      all.back().time.clear();
    });
    return all;
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path store_ = folder_ / "knowledge.jsonl";
  std::vector<Session> training_{shop_session(1), shop_session(2), shop_session(3)};
};

TEST_F(DistillKnowledge, every_session_gets_a_record_of_each_kind) {
  CountingTeacher teacher("a");
  std::vector<std::int64_t> seen;
  const DistillCounts counts = distill(teacher, [&](const DistillCounts& so_far) {
    EXPECT_EQ(so_far.total, 6);
    seen.push_back(so_far.written);
  });
  EXPECT_EQ(counts.written, 6);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.prompt_tokens, 60);
  EXPECT_EQ(counts.completion_tokens, 12);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6}));
  const KnowledgeStore store = KnowledgeStore::load(store_);
  EXPECT_EQ(store.text(2, KnowledgeKind::kRules), "a2rules");
  EXPECT_EQ(store.find(3, KnowledgeKind::kThought)->failure, "no idea");
  EXPECT_EQ(store.find(1, KnowledgeKind::kRules)->gold, bundle::gold_version(training_[0]));
  EXPECT_EQ(store.find(1, KnowledgeKind::kRules)->teacher, teacher.card());
}

TEST_F(DistillKnowledge, a_run_cut_off_anywhere_ends_as_an_undisturbed_one) {
  CountingTeacher undisturbed("a");
  distill(undisturbed);
  const auto expected = records();
  for (int calls = 0; calls < 6; ++calls) {
    std::filesystem::remove(store_);
    CountingTeacher stopped("a", calls);
    EXPECT_THROW(distill(stopped), std::runtime_error);
    std::ofstream(store_, std::ios::app) << R"({"session": 3, "ki)";  // a line the crash left unfinished
    CountingTeacher resumed("a");
    EXPECT_EQ(distill(resumed).kept, calls);
    EXPECT_EQ(resumed.calls(), 6 - calls);
    EXPECT_EQ(records(), expected);
  }
}

TEST_F(DistillKnowledge, only_what_changed_is_written_anew) {
  CountingTeacher teacher("a");
  distill(teacher);
  training_[1].gold[0].intent = "another";
  EXPECT_EQ(distill(teacher).written, 2);
  EXPECT_EQ(distill(teacher).written, 0);
  CountingTeacher other("b");
  EXPECT_EQ(distill(other).written, 6);
  EXPECT_EQ(KnowledgeStore::load(store_).text(1, KnowledgeKind::kRules), "b1rules");
}

}  // namespace
}  // namespace routedk::distill
