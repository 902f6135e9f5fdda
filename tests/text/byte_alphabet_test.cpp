#include "routedk/text/byte_alphabet.h"

#include <set>

#include <gtest/gtest.h>

namespace routedk::text {
namespace {

TEST(ByteAlphabet, spellings_are_those_of_gpt2) {
  EXPECT_EQ(byte_spellings().at('a'), "a");
  EXPECT_EQ(byte_spellings().at(0x00), "\xC4\x80");  // U+0100
  EXPECT_EQ(byte_spellings().at(' '), "\xC4\xA0");   // U+0120
  EXPECT_EQ(byte_spellings().at('\n'), "\xC4\x8A");  // U+010A
  EXPECT_EQ(byte_spellings().at(0x7F), "\xC4\xA1");  // U+0121
  EXPECT_EQ(byte_spellings().at(0xAD), "\xC5\x83");  // U+0143, the last
  EXPECT_EQ(byte_spellings().at(0xFF), "\xC3\xBF");  // itself
}

TEST(ByteAlphabet, every_byte_comes_back_from_its_own_spelling) {
  std::set<std::string> seen;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::string& spelling = byte_spellings().at(byte);
    EXPECT_TRUE(seen.insert(spelling).second) << byte;
    EXPECT_EQ(bytes_of_spelling(spelling), std::string(1, static_cast<char>(byte)));
  }
}

TEST(ByteAlphabet, characters_outside_it_stay) {
  EXPECT_EQ(bytes_of_spelling("\xC4\xA0\xE4\xBD\xA0\xFF"), " \xE4\xBD\xA0\xFF");
}

}  // namespace
}  // namespace routedk::text
