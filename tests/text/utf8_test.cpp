#include "routedk/text/utf8.h"

#include <gtest/gtest.h>

namespace routedk::text {
namespace {

TEST(Utf8, well_formed_text_is_left_alone) {
  const std::string text = "a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\x7F";
  EXPECT_EQ(repair_utf8(text), text);
}

TEST(Utf8, lengths_follow_table_3_7_of_unicode) {
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("\xC2\x80"), 2U);
  EXPECT_EQ(utf8_length("\xE0\xA0\x80"), 3U);
  EXPECT_EQ(utf8_length("\xED\x9F\xBF"), 3U);
  EXPECT_EQ(utf8_length("\xEE\x80\x80"), 3U);
  EXPECT_EQ(utf8_length("\xF0\x90\x80\x80"), 4U);
}

TEST(Utf8, ill_formed_beginnings_have_no_length) {
  for (const char* text : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                           "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3",
                           "\xE2\x82", "\xF0\x9F\x98", "\xC3 ", "\xE2\x82 ", "\xF0\x9F\x98 "}) {
    EXPECT_EQ(utf8_length(text), 0U) << static_cast<unsigned>(static_cast<unsigned char>(text[0]));
  }
}

TEST(Utf8, an_unfinished_character_is_found_at_the_end_only) {
  EXPECT_EQ(utf8_unfinished(""), 0U);
  EXPECT_EQ(utf8_unfinished("a"), 0U);
  EXPECT_EQ(utf8_unfinished("\xC3\xA9"), 0U);
  EXPECT_EQ(utf8_unfinished("a\xC3"), 1U);
  EXPECT_EQ(utf8_unfinished("a\xE2\x82"), 2U);
  EXPECT_EQ(utf8_unfinished("a\xF0\x9F\x98"), 3U);
  EXPECT_EQ(utf8_unfinished("\xF0\x9F\x98\x80"), 0U);
  EXPECT_EQ(utf8_unfinished("\xF0\x9F\xC3"), 1U);
  EXPECT_EQ(utf8_unfinished("\xE0\x80"), 0U);      // overlong: no character begins so
  EXPECT_EQ(utf8_unfinished("\xED\xA0"), 0U);      // a surrogate
  EXPECT_EQ(utf8_unfinished("\xF4\x90\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(utf8_unfinished("\x80"), 0U);
}

TEST(Utf8, is_utf8_means_that_nothing_needs_repair) {
  for (const char* text :
       {"", "a", "\xC3\xA9", "\xC3", "\xF0\x9F\x98\x80", "a\x80", "\xED\xA0\x80", "caf\xE9 x"}) {
    EXPECT_EQ(is_utf8(text), repair_utf8(text) == text) << text;
  }
}

TEST(Utf8, each_stray_byte_becomes_one_replacement_character) {
  EXPECT_EQ(repair_utf8("a\xFF"
                        "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(repair_utf8("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace routedk::text
