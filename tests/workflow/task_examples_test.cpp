#include "routedk/workflow/steps/task_examples.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;

std::vector<TaskExample> read(const std::string& content) {
  const testing::TemporaryFolder folder;
  return read_task_examples(folder.write("own.jsonl", content), {"kind", "curt"});
}

TEST(TaskExamples, are_read_line_by_line) {
  const auto examples = read(R"({"prompt": "Hi", "completion": "Hello!", "expert": "kind"}

{"expert": "curt", "completion": "What?", "prompt": "Hi"}
)");
  ASSERT_EQ(examples.size(), 2U);
  EXPECT_EQ(examples[0].completion, "Hello!");
  EXPECT_EQ(examples[1].expert, "curt");
}

TEST(TaskExamples, references_are_a_text_or_a_list_and_else_the_completion) {
  const auto examples = read(R"({"prompt": "Hi", "completion": "x", "expert": "kind"}
{"prompt": "Hi", "completion": "x", "expert": "kind", "reference": "y"}
{"prompt": "Hi", "completion": "x", "expert": "kind", "reference": ["y", "z"]}
)");
  const std::vector<std::vector<std::string>> wanted = {{"x"}, {"y"}, {"y", "z"}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(examples[i].references, wanted[i]);
  }
}

TEST(TaskExamples, a_line_of_another_form_is_refused_with_its_place) {
  const std::string good = R"({"prompt": "Hi", "completion": "Hello!", "expert": "kind"})"
                           "\n";
  for (const auto& [line, part] :
       {std::pair(R"({"prompt": "Hi", "expert": "kind"})", "`completion`"),
        {R"({"prompt": "", "completion": "x", "expert": "kind"})", "`prompt`"},
        {R"({"prompt": 5, "completion": "x", "expert": "kind"})", "is 5"},
        {R"({"prompt": "Hi", "completion": "x", "expert": "rude"})", "`rude`"},
        {R"({"prompt": "Hi", "completion": "x", "expert": "kind", "a": 1})", "4 members"},
        {R"({"prompt": "Hi", "completion": "x", "expert": "kind", "reference": []})", "is []"},
        {R"({"prompt": "Hi", "completion": "x", "expert": "kind", "reference": ["y", ""]})", "`reference`"},
        {R"({"prompt": "Hi", "completion": "x", "expert": "kind", "reference": 5})", "is 5"},
        {R"(["Hi"])", "array"}}) {
    const std::string message = testing::message_of<DataError>([&] { read(good + line); });
    EXPECT_THAT(message, HasSubstr(part));
    EXPECT_THAT(message, HasSubstr("own.jsonl:2"));
  }
  EXPECT_THROW(read("\n"), DataError);
}

}  // namespace
}  // namespace routedk::workflow
