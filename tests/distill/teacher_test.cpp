#include "routedk/distill/teacher.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "distill/shop.h"
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

namespace fs = std::filesystem;
using bundle::KnowledgeKind;
using bundle::KnowledgeStore;
using bundle::Session;

/// Counts its calls; stops the run after some of them.
class CountingTeacher final : public Teacher {
 public:
  explicit CountingTeacher(const std::string& id, int calls_left = 1000)
      : Teacher(id), calls_left_(calls_left) {}
  int calls() const { return calls_; }

 private:
  std::string write(const Session& session, KnowledgeKind kind) override {
    if (calls_++ == calls_left_) {
      throw std::runtime_error("out of calls");
    }
    return id() + std::to_string(session.id) + bundle::knowledge_name(kind);
  }
  int calls_left_;
  int calls_ = 0;
};

class DistillKnowledge : public testing::Test {
 protected:
  DistillKnowledge() { fs::remove(store_); }
  ~DistillKnowledge() override { fs::remove(store_); }

  std::string text() const {
    std::ifstream in(store_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path store_ = fs::path(testing::TempDir()) /
                    (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".jsonl");
  std::vector<Session> training_{shop_session(1), shop_session(2), shop_session(3)};
};

TEST_F(DistillKnowledge, every_session_gets_rules_and_a_thought) {
  CountingTeacher teacher("a");
  std::vector<std::int64_t> seen;
  const DistillCounts counts = distill_knowledge(teacher, training_, store_, [&](auto done, auto total) {
    EXPECT_EQ(total, 3);
    seen.push_back(done);
  });
  EXPECT_EQ(counts.written, 6);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  const KnowledgeStore store = KnowledgeStore::load(store_);
  EXPECT_EQ(store.text(2, KnowledgeKind::kRules), "a2rules");
  EXPECT_EQ(store.text(3, KnowledgeKind::kThought), "a3thought");
}

TEST_F(DistillKnowledge, a_run_cut_off_anywhere_ends_as_an_undisturbed_one) {
  CountingTeacher undisturbed("a");
  distill_knowledge(undisturbed, training_, store_);
  const std::string expected = text();
  for (int calls = 0; calls < 6; ++calls) {
    fs::remove(store_);
    CountingTeacher stopped("a", calls);
    EXPECT_THROW(distill_knowledge(stopped, training_, store_), std::runtime_error);
    std::ofstream(store_, std::ios::app) << R"({"session": 3, "ki)";  // a line the crash left unfinished
    CountingTeacher resumed("a");
    EXPECT_EQ(distill_knowledge(resumed, training_, store_).kept, calls);
    EXPECT_EQ(resumed.calls(), 6 - calls);
    EXPECT_EQ(text(), expected);
  }
}

TEST_F(DistillKnowledge, only_what_changed_is_written_anew) {
  CountingTeacher teacher("a");
  distill_knowledge(teacher, training_, store_);
  training_[1].gold[0].intent = "another";
  EXPECT_EQ(distill_knowledge(teacher, training_, store_).written, 2);
  EXPECT_EQ(distill_knowledge(teacher, training_, store_).written, 0);
  CountingTeacher other("b");
  EXPECT_EQ(distill_knowledge(other, training_, store_).written, 6);
  EXPECT_EQ(KnowledgeStore::load(store_).text(1, KnowledgeKind::kRules), "b1rules");
}

}  // namespace
}  // namespace routedk::distill
