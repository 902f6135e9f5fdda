#include "routedk/workflow/steps/task_examples.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <utility>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

std::vector<TaskExample> examples_in(const std::string& content, TurnLoss loss = TurnLoss::kAllTurns) {
  const testing::TemporaryFolder folder;
  return read_task_examples(folder.write("own.jsonl", content), {"kind", "curt"}, loss);
}

/// "user: Hi | assistant: Yo"
std::string shown(const std::vector<text::ChatMessage>& turns) {
  std::string text;
  for (const text::ChatMessage& turn : turns) {
    text += (text.empty() ? "" : " | ") + turn.role + ": " + turn.content;
  }
  return text;
}

TEST(TaskExamples, of_prompt_and_completion_are_read_line_by_line) {
  const auto examples = examples_in(R"({"prompt": "Hi", "completion": "Hello!", "expert": "kind"}

{"expert": "curt", "completion": "What?", "prompt": "Hi"}
{"prompt": "Hi", "completion": "Yo", "expert": null}
)");
  ASSERT_EQ(examples.size(), 3U);
  EXPECT_EQ(examples[0].completion, "Hello!");
  EXPECT_EQ(shown(examples[0].prompt), "user: Hi");
  EXPECT_EQ(examples[1].expert, "curt");
  EXPECT_EQ(examples[1].line, 3);
  EXPECT_THAT(examples[1].where, ::testing::EndsWith("own.jsonl:3"));
  EXPECT_EQ(examples[2].expert, "") << "everybody's";
}

TEST(TaskExamples, an_instruction_is_the_user_s_turn_with_its_input_below) {
  const auto examples = examples_in(R"({"instruction": "Add.", "input": "1 and 2", "output": "3"}
{"instruction": "Say hi.", "input": "", "output": "hi"}
{"instruction": "Say ho.", "input": null, "output": "ho", "expert": "kind"}
{"instruction": "Say he.", "output": "he"}
)");
  Strings prompts;
  for (const TaskExample& example : examples) {
    prompts.push_back(shown(example.prompt));
  }
  EXPECT_EQ(prompts, (Strings{"user: Add.\n\n1 and 2", "user: Say hi.", "user: Say ho.", "user: Say he."}));
  EXPECT_EQ(examples[0].completion, "3");
}

constexpr const char* kChat =
    R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"},
{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"},
{"role": "assistant", "content": "d"}], "reference": "e", "expert": "curt"})";

std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

TEST(TaskExamples, each_turn_of_the_assistant_is_an_example_that_all_turns_before_it_prompt) {
  const auto examples = examples_in(in_one_line(kChat));
  ASSERT_EQ(examples.size(), 2U);
  EXPECT_EQ(shown(examples[0].prompt), "system: s | user: a");
  EXPECT_EQ(examples[0].completion, "b");
  EXPECT_EQ(examples[0].references, Strings{"b"}) << "the reference is the last turn's";
  EXPECT_EQ(shown(examples[1].prompt), "system: s | user: a | assistant: b | user: c");
  EXPECT_EQ(examples[1].completion, "d");
  EXPECT_EQ(examples[1].references, Strings{"e"});
  EXPECT_EQ(examples[1].turn, 2);
  EXPECT_THAT(examples[1].where, ::testing::EndsWith("own.jsonl:1 turn 2"));
  EXPECT_EQ(examples[1].expert, "curt");
}

TEST(TaskExamples, the_last_turn_alone_is_learnt_where_that_is_asked) {
  const auto examples = examples_in(in_one_line(kChat), TurnLoss::kLastTurn);
  ASSERT_EQ(examples.size(), 1U);
  EXPECT_EQ(examples[0].completion, "d");
  EXPECT_EQ(examples[0].turn, 2);
}

TEST(TaskExamples, references_are_a_text_or_a_list_and_else_the_completion) {
  const auto examples = examples_in(R"({"prompt": "Hi", "completion": "x", "expert": "kind"}
{"prompt": "Hi", "completion": "x", "expert": "kind", "reference": "y"}
{"prompt": "Hi", "completion": "x", "expert": "kind", "reference": ["y", "z"]}
)");
  const std::vector<Strings> wanted = {{"x"}, {"y"}, {"y", "z"}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(examples[i].references, wanted[i]);
  }
}

TEST(TaskExamples, a_line_of_another_form_is_refused_with_its_place_key_and_rule) {
  const std::string good = R"({"prompt": "Hi", "completion": "Hello!", "expert": "kind"})"
                           "\n";
  const std::string turns = R"({"messages": [)";
  const auto say = [](const std::string& role) { return R"({"role": ")" + role + R"(", "content": "x"})"; };
  for (const auto& [line, part] : std::vector<std::pair<std::string, std::string>>{
           {R"({"prompt": "Hi", "expert": "kind"})", "`completion` must be a text, but is missing"},
           {R"({"prompt": "", "completion": "x"})", "`prompt` must be a text that is not empty"},
           {R"({"prompt": 5, "completion": "x"})", "`prompt` must be a text, but is 5"},
           {R"({"prompt": "Hi", "completion": "x", "expert": "rude"})", "`expert` must be kind or curt"},
           {R"({"prompt": "Hi", "completion": "x", "a": 1})", "`a` must be absent"},
           {R"({"prompt": "Hi", "completion": "x", "output": "y"})", "`output` must be absent"},
           {R"({"prompt": "Hi", "completion": "x", "reference": []})", "`reference` must be"},
           {R"({"prompt": "Hi", "completion": "x", "reference": ["y", ""]})", "`reference[1]`"},
           {R"({"prompt": "Hi", "completion": "x", "reference": 5})", "is 5"},
           {R"({"instruction": "Hi"})", "`output` must be a text, but is missing"},
           {R"({"instruction": "Hi", "input": 3, "output": "x"})", "`input` must be a text"},
           {R"({"text": "Hi"})", "must have prompt and completion, or instruction and output, or messages"},
           {R"({"messages": "Hi"})", "`messages` must be a list"},
           {R"({"messages": []})", "`messages` must end with a turn of the assistant"},
           {turns + say("user") + "]}", "`messages` must end with a turn of the assistant"},
           {turns + say("assistant") + "]}", "`messages[0].role` must be user here"},
           {turns + say("system") + ", " + say("assistant") + "]}", "`messages[1].role` must be user here"},
           {turns + say("user") + ", " + say("user") + "]}", "`messages[1].role` must be assistant here"},
           {turns + say("user") + ", " + say("system") + "]}", "`messages[1].role` must be assistant here"},
           {turns + say("tool") + "]}", "`messages[0].role` must be system, user or assistant"},
           {R"({"messages": [{"role": "user", "content": "x", "name": "y"}]})", "`messages[0].name`"},
           {R"({"messages": [{"role": "user", "content": [{"type": "text"}]}]})", "`messages[0].content`"},
           {R"({"messages": [{"role": "user"}]})", "`messages[0].content` must be a text, but is missing"},
           {R"(["Hi"])", "JSON object"},
           {R"({"prompt": "Hi")", "must be JSON"}}) {
    const std::string message =
        testing::message_of<FileError>([&, line = line] { examples_in(good + line); });
    EXPECT_THAT(message, HasSubstr(part));
    EXPECT_THAT(message, HasSubstr("own.jsonl:2")) << line;
  }
  EXPECT_THROW(examples_in("\n"), DataError);
}

}  // namespace
}  // namespace routedk::workflow
