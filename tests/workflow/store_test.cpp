#include "routedk/workflow/experiment/store.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <fstream>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Step step(const std::string& name, const std::string& rate) {
  Step made{{StepKind::kTrain, name}, {{"train.learning_rate", rate}}, {}, {}, {}};
  made.key = key_of(made);
  return made;
}

class StoreOfSteps : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  Store store_{folder_ / "store"};
};

TEST_F(StoreOfSteps, a_step_is_done_once_it_is_closed_and_its_record_says_what_it_was) {
  const Step base = step("base", "0.1");
  EXPECT_FALSE(store_.done(base));
  EXPECT_FALSE(store_.record(base));
  EXPECT_FALSE(fs::exists(folder_ / "store"));
  {
    const auto lock = store_.open(base);
    ASSERT_NE(lock, nullptr);
    EXPECT_FALSE(store_.done(base));
    store_.close(base, {{"seconds", 2.5}});
  }
  EXPECT_TRUE(store_.done(base));
  const io::JsonField field = store_.record(base).value();
  const io::Json& record = field.value();
  EXPECT_EQ(record["seconds"], 2.5);
  EXPECT_EQ(record["step"], "train-base");
  EXPECT_EQ(step_of(field).settings, base.settings);
  EXPECT_EQ(step_of(field).id, base.id);
}

TEST_F(StoreOfSteps, a_step_has_one_worker_and_a_worker_that_ended_leaves_it_free) {
  const Step base = step("base", "0.1");
  auto lock = store_.open(base);
  EXPECT_EQ(store_.open(base), nullptr);
  EXPECT_THAT(store_.holder(base), HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_THROW(store_.remove(base), UserError);
  lock.reset();
  EXPECT_EQ(store_.holder(base), "");
  const pid_t child = ::fork();
  if (child == 0) {  // takes it and is killed
    const auto taken = store_.open(base);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(store_.holder(base), "");
  EXPECT_NE(store_.open(base), nullptr);
}

TEST_F(StoreOfSteps, what_an_interrupted_writer_left_goes_and_what_it_wrote_stays) {
  const Step base = step("base", "0.1");
  store_.open(base);
  const fs::path folder = store_.folder_of(base);
  write_file_atomic(folder / "metrics.jsonl", "{}\n");
  fs::create_directories(temporary_name(folder / "base"));
  std::ofstream(temporary_name(folder / "file")) << "half";
  store_.open(base);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder)) {
    left.push_back(entry.path().filename().string());
  }
  std::sort(left.begin(), left.end());
  EXPECT_THAT(left, ElementsAre(".lock", "begun.json", "metrics.jsonl"));
}

TEST_F(StoreOfSteps, a_removed_step_is_not_done_and_keeps_what_it_is_told_to) {
  const Step base = step("base", "0.1");
  store_.open(base);
  store_.close(base, io::Json::object());
  write_file_atomic(store_.folder_of(base) / "kept", "1");
  write_file_atomic(store_.folder_of(base) / "gone", "1");
  store_.remove(base, {"kept"});
  EXPECT_FALSE(store_.done(base));
  EXPECT_TRUE(fs::exists(store_.folder_of(base) / "kept"));
  EXPECT_FALSE(fs::exists(store_.folder_of(base) / "gone"));
}

TEST_F(StoreOfSteps, an_earlier_step_of_the_same_name_says_what_changed) {
  const Step before = step("base", "0.1");
  store_.open(before);
  store_.close(before, io::Json::object());
  Step now = step("base", "0.2");
  now.settings["lora.rank"] = "8";
  now.key = key_of(now);
  const auto earlier = store_.earlier(now, store_.whole(StepKind::kTrain));
  ASSERT_TRUE(earlier);
  EXPECT_THAT(differences(*earlier, now),
              ElementsAre("lora.rank: unused -> 8", "train.learning_rate: 0.1 -> 0.2"));
  EXPECT_FALSE(store_.earlier(before, store_.whole(StepKind::kTrain)))
      << "the step itself is not an earlier one";
  EXPECT_FALSE(store_.earlier(step("high_level", "0.1"), store_.whole(StepKind::kTrain)));
}

TEST(Differences, inputs_are_named_without_their_keys) {
  Step before = step("base", "0.1");
  before.input_keys = {{"distil", "1"}, {"train-a", "1"}};
  Step now = before;
  now.input_keys = {{"distil", "2"}, {"train-b", "1"}};
  EXPECT_THAT(differences(before, now), ElementsAre("distil: changed", "train-b: added", "train-a: removed"));
}

TEST_F(StoreOfSteps, a_key_depends_on_name_settings_and_the_order_of_inputs) {
  Step both = step("base", "0.1");
  EXPECT_EQ(both.key.size(), 16U);
  EXPECT_EQ(step("base", "0.1").key, both.key);
  EXPECT_NE(step("base", "0.2").key, both.key);
  EXPECT_NE(step("other", "0.1").key, both.key);
  both.input_keys = {{"train-a", "1"}, {"train-b", "2"}};
  both.inputs = {{StepKind::kTrain, "a"}, {StepKind::kTrain, "b"}};
  const std::string forth = key_of(both);
  std::swap(both.inputs[0], both.inputs[1]);
  EXPECT_NE(key_of(both), forth) << "experts stand in the bank's order";
}

TEST_F(StoreOfSteps, the_first_reading_of_a_test_split_is_recorded_once_a_key) {
  Step answers{{StepKind::kAnswer, "base"}, {{"eval.split", "test"}}, {}, {}, {}};
  answers.key = key_of(answers);
  store_.open(answers);
  store_.open(answers);
  Step validation = answers;
  validation.settings["eval.split"] = "val";
  validation.key = key_of(validation);
  store_.open(validation);
  std::vector<std::string> keys;
  io::read_jsonl(folder_ / "store/test_reads.jsonl",
                 [&](const io::Json& line, std::int64_t) { keys.push_back(line["key"]); });
  EXPECT_THAT(keys, ElementsAre(answers.key));
}

TEST_F(StoreOfSteps, a_store_of_another_format_or_with_a_strangers_key_is_refused) {
  const Step base = step("base", "0.1");
  store_.open(base);
  io::Json begun = io::read_json(store_.folder_of(base) / "begun.json");
  begun["settings"]["train.learning_rate"] = "9";
  io::write_json(store_.folder_of(base) / "begun.json", begun);
  EXPECT_THAT(testing::message_of<ConfigError>([&] { store_.open(base); }), HasSubstr(base.key));
  io::write_json(folder_ / "store/store.json", {{"format", 2}});
  EXPECT_THAT(testing::message_of<ConfigError>([&] { store_.open(base); }), HasSubstr("format 2"));
}

}  // namespace
}  // namespace routedk::workflow
