#include "../../src/text/split_patterns.h"

#include "routedk/text/pre_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using ::testing::ElementsAre;

std::vector<std::string_view> split(std::string_view pattern, std::string_view text) {
  return PreSplit::compile({pcre_pattern(pattern).value()}, false, "test")->split(text);
}

TEST(SplitPatterns, llama3_s_own_knows_contractions_in_any_case) {
  EXPECT_THAT(split(kLlama3Pattern, "it'\xC5\xBF IT'LL"),
              ElementsAre("it", "'\xC5\xBF", " IT", "'LL"));  // U+017F
}

TEST(SplitPatterns, blanks_are_unicode_s_inside_classes_and_outside) {
  EXPECT_THAT(split(R"(\s+|[^\s]+)", "a\xE3\x80\x80 b\xE1\xA0\x8E"),
              ElementsAre("a", "\xE3\x80\x80 ", "b\xE1\xA0\x8E"));
  EXPECT_THAT(split(R"(\S+)", "a \xE1\xA0\x8E"), ElementsAre("a", " ", "\xE1\xA0\x8E"));
}

TEST(SplitPatterns, patterns_of_other_models_are_understood) {
  for (
      const char* pattern :
      {R"((?i:'s|'t)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
       R"(\p{N}{1,3})",
       R"([\p{Lu}\p{M}]*[\p{Ll}]+(?i:'s|'t)?|\p{Han}+|[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])"}) {
    const auto translated = pcre_pattern(pattern);
    ASSERT_TRUE(translated.has_value()) << pattern;
    EXPECT_NE(PreSplit::compile({*translated}, false, "test"), nullptr) << pattern;
  }
}

TEST(SplitPatterns, what_means_something_else_or_may_take_forever_is_not) {
  for (const char* pattern :
       {"",        "a.b",     "^a",    "a$",      "(a+)+", "(?:a+)*b", "(?:a|b){2}",   "(?<n>a)", "(?#x)",
        R"(\w)",   R"(\b)",   R"(\1)", R"(\x41)", R"(\p)", R"(\p{)",   R"(\p{L)",      "[a[b]]",  "[a&&b]",
        "[]a]",    "[a",      "a)",    "(?:a",    "a{2}+", "a{,2}",    "a{999999999}", "*a",      "a**",
        R"([\S])", R"([\w])", "\\",    "(?-i:a)", "(?i)a"}) {
    EXPECT_FALSE(pcre_pattern(pattern).has_value()) << pattern;
  }
  EXPECT_FALSE(pcre_pattern(std::string(5000, 'a')).has_value());
}

}  // namespace
}  // namespace routedk::text
