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

TEST(Utf8, each_stray_byte_becomes_one_replacement_character) {
  EXPECT_EQ(repair_utf8("a\xFF"
                        "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(repair_utf8("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace routedk::text
