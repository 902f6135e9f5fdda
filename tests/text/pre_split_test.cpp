#include "routedk/text/pre_split.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using ::testing::ElementsAre;

TEST(PreSplit, smollm_takes_every_digit_alone) {
  EXPECT_THAT(PreSplit::find("smollm")->split("a12 3b"), ElementsAre("a", "1", "2", " ", "3", "b"));
}

TEST(PreSplit, llama_takes_digits_in_threes) {
  EXPECT_THAT(PreSplit::find("llama-bpe")->split("a12345 6"), ElementsAre("a", "123", "45", " ", "6"));
}

TEST(PreSplit, gpt2_keeps_numbers_whole) {
  EXPECT_THAT(PreSplit::find("gpt-2")->split("a 12345"), ElementsAre("a", " 12345"));
}

TEST(PreSplit, the_last_blank_before_a_word_goes_with_it) {
  for (const char* name : {"smollm", "llama-bpe", "gpt-2", "default"}) {
    EXPECT_THAT(PreSplit::find(name)->split("a   b  "), ElementsAre("a", "  ", " b", "  ")) << name;
  }
}

TEST(PreSplit, only_llama_knows_contractions_in_capitals) {
  EXPECT_THAT(PreSplit::find("gpt-2")->split("IT'S it's"), ElementsAre("IT", "'", "S", " it", "'s"));
  EXPECT_THAT(PreSplit::find("llama-bpe")->split("IT'S it's"), ElementsAre("IT", "'S", " it", "'s"));
}

TEST(PreSplit, the_mongolian_vowel_separator_is_no_blank) {
  EXPECT_THAT(PreSplit::find("gpt-2")->split("a \xE1\xA0\x8E"), ElementsAre("a", " \xE1\xA0\x8E"));
}

TEST(PreSplit, an_unknown_name_finds_nothing) {
  EXPECT_EQ(PreSplit::find("gpt-5"), nullptr);
}

TEST(PreSplit, long_runs_are_split_whole) {
  for (const char* name : {"smollm", "llama-bpe", "gpt-2", "default"}) {
    for (const char filling : {' ', 'x', '='}) {
      const std::string text = std::string(1'000'000, filling) + "1";
      const auto pieces = PreSplit::find(name)->split(text);
      EXPECT_LE(pieces.size(), 3U) << name;
      EXPECT_GE(pieces.front().size(), 999'999U) << name;
    }
  }
}

TEST(PreSplit, more_blanks_than_the_default_match_limit_are_split) {
  const std::string text = std::string(11'000'000, ' ') + "x";
  EXPECT_EQ(PreSplit::find("llama-bpe")->split(text).size(), 2U);
}

TEST(PreSplit, no_text_has_no_pieces) {
  EXPECT_TRUE(PreSplit::find("smollm")->split("").empty());
}

}  // namespace
}  // namespace routedk::text
