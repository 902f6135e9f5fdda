#include "routedk/workflow/inspect/tokenize.h"

#include "routedk/core/error.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;

std::string run(const std::string& input, bool special = false) {
  const auto model =
      std::filesystem::path(ROUTEDK_SOURCE_DIR) / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  std::istringstream in(input);
  std::ostringstream out;
  tokenize({model, "", special}, in, out);
  return out.str();
}

TEST(Tokenize, writes_the_ids_of_each_line) {
  EXPECT_EQ(run("{\"text\": \"\"}\n{\"text\": \"x\", \"id\": 3}\n"), "{\"ids\":[]}\n{\"ids\":[104]}\n");
}

TEST(Tokenize, special_spellings_are_parsed_only_when_asked) {
  const std::string line = "{\"text\": \"<|im_end|>\"}\n";
  EXPECT_EQ(run(line, true), "{\"ids\":[2]}\n");
  EXPECT_NE(run(line, false), "{\"ids\":[2]}\n");
}

TEST(Tokenize, takes_a_folder_a_tokenizer_json_and_a_tokenizer_model) {
  const auto small = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/small_tokenizers";
  for (const char* name : {"", "tokenizer.json", "sentencepiece.model"}) {
    std::istringstream in("{\"text\": \"Sports Bra\"}\n");
    std::ostringstream out;
    tokenize({small / name, "", false}, in, out);
    EXPECT_THAT(out.str(), ::testing::MatchesRegex("\\{\"ids\":\\[[0-9]+,.*\\]\\}\n")) << name;
  }
}

TEST(Tokenize, names_the_line_without_a_text) {
  for (const char* line : {"{}", "{\"text\": 3}", "[\"text\"]", "null"}) {
    try {
      run("{\"text\": \"x\"}\n\n" + std::string(line) + "\n");
      FAIL() << "accepted " << line;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("standard input:3"));
    }
  }
}

TEST(Tokenize, names_the_line_that_is_no_json) {
  try {
    run("{\"text\": \"x\"}\n{\"text\": \n");
    FAIL() << "accepted half an object";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("standard input:2"));
  }
}

}  // namespace
}  // namespace routedk::workflow
