#include "routedk/core/display.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Display, what_steers_a_terminal_or_breaks_the_line_is_escaped) {
  EXPECT_EQ(escaped("a\x1B[31mb\r\n\tc\x7F"), R"(a\x1b[31mb\r\n\tc\x7f)");
  EXPECT_EQ(escaped("\xC2\x9B"), R"(\u009b)");          // CSI in one character
  EXPECT_EQ(escaped("x\xE2\x80\xAEy"), R"(x\u202ey)");  // right-to-left override
  EXPECT_EQ(escaped("\xFF\xC3"), R"(\xff\xc3)");
  EXPECT_EQ(escaped("\xC0\xAF\xED\xA0\x80"), R"(\xc0\xaf\xed\xa0\x80)");
  EXPECT_EQ(escaped(std::string_view("a\0b", 3)), R"(a\x00b)");
  EXPECT_EQ(escaped("a\nb", /*keep_newlines=*/true), "a\nb");
  EXPECT_EQ(escaped("Lämpchen 品 😀"), "Lämpchen 品 😀");
}

TEST(Display, a_long_text_keeps_its_beginning_and_its_end_in_whole_characters) {
  const std::string text = "begin" + std::string(10'000, 'x') + "end";
  const std::string shown = displayed(text, 60);
  EXPECT_LE(shown.size(), 66U);
  EXPECT_THAT(shown, AllOf(::testing::StartsWith("begin"), ::testing::EndsWith("end"), HasSubstr("...")));
  EXPECT_EQ(displayed("short", 60), "short");
  std::string accents;
  for (int i = 0; i < 100; ++i) {
    accents += "é";
  }
  EXPECT_THAT(displayed(accents, 61), Not(HasSubstr("\\x")));
}

TEST(Display, texts_are_cut_to_columns_in_whole_characters) {
  EXPECT_EQ(most_columns("abc"), 3U);
  EXPECT_EQ(most_columns("é品😀"), 5U);
  EXPECT_EQ(most_columns("\xff"), 1U);
  EXPECT_EQ(cut_to_columns("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to_columns("abcdef", 5), "ab...");
  EXPECT_EQ(cut_to_columns("品品品品", 6), "品...");
  EXPECT_EQ(cut_to_columns("abcdef", 2), "..");
  EXPECT_EQ(cut_to_columns("abcdef", 0), "");
}

TEST(Display, texts_are_broken_between_words_and_longer_words_stay_whole) {
  EXPECT_EQ(wrapped("one two  three\nfour", 9), "one two\nthree\nfour");
  EXPECT_EQ(wrapped("aaaa bb cc d", 6, 2), "  aaaa\n  bb\n  cc d");
  EXPECT_EQ(wrapped("a much-too-long b c", 5, 2), "  a\n  much-too-long\n  b c");
  EXPECT_EQ(wrapped("", 5), "");
}

TEST(Display, words_formed_like_keys_of_apis_are_found_and_covered) {
  for (const char* key : {"sk-proj-abcdefgh1234", "hf_abcdefghijklmnopqrst", "gsk_abcdefghijklmnop12",
                          "ghp_abcdefghijklmnop1234", "AIzaSyA1234567890abcdefghijklmno"}) {
    EXPECT_TRUE(holds_api_key(std::string("url?k=") + key)) << key;
    EXPECT_EQ(without_api_keys(std::string("bad key `") + key + "`."), "bad key `***`.");
  }
  for (const char* text : {"", "a task", "sk-9", "risk-of-something-long", "models/hf_base", "fw_x"}) {
    EXPECT_FALSE(holds_api_key(text)) << text;
    EXPECT_EQ(without_api_keys(text), text);
  }
}

TEST(Display, one_thing_is_in_the_singular) {
  EXPECT_EQ(counted(0, "step"), "0 steps");
  EXPECT_EQ(counted(1, "step"), "1 step");
  EXPECT_EQ(counted(2, "step"), "2 steps");
}

TEST(Display, an_error_is_one_short_line_without_keys_whatever_it_is_given) {
  const std::string hostile = "\x1B]0;x\x07\n" + std::string(5000, 'y') + " sk-abcdefghijklmnop";
  const std::string message =
      testing::message_of<DataError>([&] { throw_<DataError>("`{}` must be {}.", hostile, 1); });
  EXPECT_LT(message.size(), 500U);
  EXPECT_THAT(message, AllOf(Not(HasSubstr("\x1B")), Not(HasSubstr("\n")), Not(HasSubstr("sk-")),
                             ::testing::EndsWith("` must be 1.")));
}

}  // namespace
}  // namespace routedk
