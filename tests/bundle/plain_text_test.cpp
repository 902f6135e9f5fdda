#include "routedk/bundle/plain_text.h"

#include "routedk/io/jsonl.h"

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

TEST(DecodeEntities, named_and_numeric_entities_become_their_characters) {
  EXPECT_EQ(decode_entities("Black &amp; Decker 3&quot; &lt;new&gt;"), "Black & Decker 3\" <new>");
  EXPECT_EQ(decode_entities("Levi&#39;s caf&eacute; &Uuml;ber&#x2122;"), "Levi's café Über™");
  EXPECT_EQ(decode_entities("20&deg;C &reg;&trade;&nbsp;&iexcl;&yuml;"), "20°C ®™\xC2\xA0¡ÿ");
  EXPECT_EQ(decode_entities("&#54408;&#x1F600;"), "품😀");
}

TEST(DecodeEntities, codes_of_windows_1252_are_read_as_browsers_read_them) {
  EXPECT_EQ(decode_entities("Sony&#153; &#146;s &#128;5"), "Sony™ ’s €5");
}

TEST(DecodeEntities, codes_that_are_no_character_become_the_replacement_character) {
  for (const char* text : {"&#0;", "&#xD800;", "&#1114112;", "&#9999999999;"}) {
    EXPECT_EQ(decode_entities(text), "\uFFFD") << text;
  }
}

TEST(DecodeEntities, what_is_no_entity_stays_and_nothing_is_decoded_twice) {
  for (const char* text : {"AT&T", "a & b; c", "&;", "&#;", "&#x;", "&#-5;", "&nosuch;", "&", "&alpha"}) {
    EXPECT_EQ(decode_entities(text), text);
  }
  EXPECT_EQ(decode_entities("&amp;quot;"), "&quot;");
  EXPECT_EQ(decode_entities("& &amp;"), "& &");
}

TEST(DecodeEntities, every_name_and_mixture_gives_what_pythons_html_unescape_gives) {
  std::size_t count = 0;
  io::read_jsonl(
      std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/html_unescape.jsonl",
      [&](const io::Json& line, std::int64_t) {
        ++count;
        EXPECT_EQ(decode_entities(line["text"].get<std::string>()), line["unescaped"].get<std::string>())
            << line["text"];
      });
  EXPECT_GT(count, 2500U);
}

TEST(FoldSpace, every_run_of_white_space_becomes_one_space_and_the_ends_are_trimmed) {
  EXPECT_EQ(fold_space("  a\r\n\tb \xC2\xA0 c\x01"), "a b c");
  EXPECT_EQ(fold_space(" \n\xC2\xA0"), "");
  EXPECT_EQ(fold_space("é ñ"), "é ñ");
}

TEST(IsUtf8, accepts_characters_of_every_length_and_refuses_malformed_ones) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a é € 😀"));
  for (const char* text : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xE2(\xA1"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

}  // namespace
}  // namespace routedk::bundle
