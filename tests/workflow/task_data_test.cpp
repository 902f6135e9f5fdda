#include "routedk/workflow/experiment/task_data.h"

#include "routedk/core/error.h"
#include "routedk/workflow/experiment/experiment.h"

#include <algorithm>
#include <map>
#include <set>

#include "support/forward.h"
#include "workflow/experiment_folder.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

class Task : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    config_.experts = {"kind", "curt"};
  }

  TaskData load(const std::string& examples) {
    config_.data.examples = folder_.write("own.jsonl", examples).string();
    return load_task(config_, bundle::SessionEncoder::load(config_.model.path, config_.model.chat));
  }

  /// {"prompt": "1", "completion": "x", "expert": ...}
  static std::string lines(int count, const std::string& expert) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text +=
          io::Json{{"prompt", fmt::format("{}", i)}, {"completion", "x"}, {"expert", expert}}.dump() + "\n";
    }
    return text;
  }
};

/// Made by tests/goldens/make_turns.py.
const io::Json& conversations() {
  static const io::Json golden =
      io::read_json(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/assistant_turns.json");
  return golden.at("conversations");
}

std::string conversation_line(const io::Json& conversation) {
  return io::Json{{"messages", conversation["messages"]}}.dump() + "\n";
}

std::map<std::int64_t, std::vector<TaskItem>> by_line(const std::vector<TaskItem>& items) {
  std::map<std::int64_t, std::vector<TaskItem>> lines;
  for (const TaskItem& item : items) {
    lines[item.gold.place.first].push_back(item);
  }
  return lines;
}

/// Prompt and answer of each turn lie where transformers has the conversation, and its mask is on the answers
/// and nowhere else.
TEST_F(Task, turns_of_the_assistant_are_the_assistant_mask_of_transformers) {
  std::string text;
  for (const io::Json& conversation : conversations()) {
    text += conversation_line(conversation);
  }
  std::int64_t turns = 0;
  for (const auto& [line, items] : by_line(load(text).training)) {
    const io::Json& golden = conversations()[static_cast<std::size_t>(line - 1)];
    const auto ids = golden["ids"].get<Ids>();
    std::vector<int> mask(ids.size(), 0);
    for (const TaskItem& item : items) {
      Ids whole = item.example.prompt;
      whole.insert(whole.end(), item.example.answer.begin(), item.example.answer.end());
      ASSERT_LE(whole.size(), ids.size());
      EXPECT_EQ(whole, Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(whole.size()))) << golden;
      std::fill(mask.begin() + static_cast<std::ptrdiff_t>(item.example.prompt.size()),
                mask.begin() + static_cast<std::ptrdiff_t>(whole.size()), 1);
      ++turns;
    }
    EXPECT_EQ(mask, golden["mask"].get<std::vector<int>>()) << golden;
  }
  EXPECT_EQ(turns, 10);
}

/// What TRL's assistant_only_loss sums, from the logits of the whole conversation at once.
TEST_F(Task, the_turns_losses_add_up_to_the_masked_loss_of_the_whole_conversation) {
  const io::Json golden = conversations()[1];
  const TaskData task = load(conversation_line(golden));
  std::vector<const train::Example*> examples;
  for (const TaskItem& item : task.training) {
    examples.push_back(&item.example);
  }
  ASSERT_EQ(examples.size(), 2U);
  const auto backbone = testing::real_model();
  const auto losses =
      eval::task_losses(experts::without_experts(backbone), experts::SingleExpertGate(-1, 1), examples, 4096);
  const auto ids = golden["ids"].get<Ids>();
  const at::Tensor logprobs = at::log_softmax(testing::logits_of(*backbone, {ids}).to(at::kDouble), -1);
  double wanted = 0.0;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    if (golden["mask"][i] == 1) {
      wanted -= logprobs[static_cast<std::int64_t>(i) - 1][ids[i]].item<double>();
    }
  }
  EXPECT_NEAR(losses[0] + losses[1], wanted, 1e-3 * wanted);
}

TEST_F(Task, turns_of_a_line_have_keys_of_their_own_and_a_single_one_the_line_s) {
  const TaskData task = load(lines(1, "kind") + lines(1, "curt") + conversation_line(conversations()[2]));
  std::set<std::uint64_t> keys;
  for (const TaskItem& item : task.training) {
    keys.insert(item.example.key);
  }
  EXPECT_EQ(keys.size(), 5U);
  EXPECT_TRUE(keys.contains(1) && keys.contains(2) && keys.contains(3));
}

std::multiset<std::string> experts_of(const std::vector<TaskItem>& items) {
  std::multiset<std::string> experts;
  for (const TaskItem& item : items) {
    experts.insert(item.gold.expert);
  }
  return experts;
}

TEST_F(Task, a_share_of_each_expert_s_lines_is_held_out_whatever_the_seeds) {
  config_.data.holdout = 0.25;
  const std::string text = lines(8, "kind") + lines(5, "curt");
  const TaskData task = load(text);
  EXPECT_EQ(experts_of(task.evaluated), (std::multiset<std::string>{"curt", "kind", "kind"}));
  EXPECT_EQ(task.training.size(), 10U);
  const auto held = [](const TaskData& data) {
    std::set<std::int64_t> lines;
    for (const TaskItem& item : data.evaluated) {
      lines.insert(item.gold.place.first);
    }
    return lines;
  };
  for (const TaskItem& item : task.training) {
    EXPECT_FALSE(held(task).contains(item.gold.place.first));
  }
  config_.train.seed = config_.decode.seed = 77;
  EXPECT_EQ(held(load(text)), held(task));
}

TEST_F(Task, few_lines_and_a_holdout_of_0_are_all_learnt) {
  EXPECT_TRUE(load(lines(9, "kind") + lines(9, "curt")).evaluated.empty());
  config_.data.holdout = 0.0;
  EXPECT_TRUE(load(lines(20, "kind") + lines(20, "curt")).evaluated.empty());
}

TEST_F(Task, conversations_are_held_out_whole) {
  config_.data.holdout = 0.5;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    text += conversation_line(conversations()[3]);  // of 3 turns
  }
  const TaskData task = load(text);
  EXPECT_EQ(task.evaluated.size(), 6U);
  EXPECT_EQ(by_line(task.evaluated).size(), 2U);
}

TEST_F(Task, a_test_file_is_evaluated_before_one_of_validation_and_that_before_a_share) {
  const std::string text = lines(20, "kind") + lines(20, "curt");
  config_.data.validation_examples = folder_.write("val.jsonl", lines(3, "kind")).string();
  const TaskData validated = load(text);
  EXPECT_EQ(validated.evaluated.size(), 3U);
  EXPECT_EQ(validated.training.size(), 40U);
  config_.data.test_examples = folder_.write("test.jsonl", lines(2, "curt")).string();
  const TaskData tested = load(text);
  EXPECT_EQ(tested.evaluated.size(), 2U);
  EXPECT_EQ(tested.validation.size(), 3U);
  EXPECT_EQ(tested.evaluated_file, config_.data.test_examples);
}

TEST_F(Task, an_expert_without_a_line_is_named_unless_it_is_trained_already) {
  const std::string message = testing::message_of<DataError>([&] { load(lines(2, "kind")); });
  EXPECT_THAT(message, HasSubstr("`curt` has none"));
  config_.adapters = {{"curt", "somewhere"}};
  EXPECT_EQ(load(lines(2, "kind")).training.size(), 2U);
  config_.adapters.clear();
  EXPECT_EQ(load(conversation_line(conversations()[0])).training.size(), 1U)
      << "a line of nobody's is everybody's";
}

TEST_F(Task, turns_that_the_chat_template_refuses_are_named_by_their_line) {
  config_.model.chat =
      folder_
          .write("strict.jinja",
                 "{% for m in messages %}{% if m['content'] == 'boom' %}{{ raise_exception('no boom') }}"
                 "{% endif %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
                 "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
          .string();
  const std::string message = testing::message_of<DataError>(
      [&] { load(lines(1, "kind") + lines(1, "curt") + R"({"prompt": "boom", "completion": "x"})"); });
  EXPECT_THAT(message, HasSubstr("no boom"));
  EXPECT_THAT(message, HasSubstr("own.jsonl:3"));
}

TEST_F(Task, an_experiment_with_a_bad_line_makes_nothing_on_disk) {
  config_.data.examples = folder_.write("own.jsonl", lines(1, "kind") + "{\"prompt\": \"Hi\"}\n").string();
  EXPECT_THAT(testing::message_of<FileError>([&] { Experiment experiment(config_); }),
              HasSubstr("own.jsonl:2"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "store"));
}

TEST_F(Task, examples_are_not_shared_by_shards) {
  config_.data.examples = folder_.write("own.jsonl", lines(1, "kind") + lines(1, "curt")).string();
  EXPECT_THROW(Experiment(config_, Place{{}, {1, 2}}), ConfigError);
}

}  // namespace
}  // namespace routedk::workflow
