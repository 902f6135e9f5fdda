#include "routedk/text/stream_decoder.h"

#include "routedk/core/error.h"
#include "routedk/text/utf8.h"

#include "text/model.h"
#include "text/random_text.h"
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

/// Everything that the decoder gives, after checking that each part is whole.
std::string stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool with_special = false) {
  StreamDecoder decoder(tokenizer, with_special);
  std::string text;
  for (const TokenId id : ids) {
    const std::string part = decoder.push(id);
    EXPECT_TRUE(is_utf8(part)) << "half a character after token " << id;
    text += part;
  }
  return text + decoder.finish();
}

void expect_streams(const Tokenizer& tokenizer, const char* purpose) {
  Random random(3, purpose);
  for (int round = 0; round < 500; ++round) {
    std::vector<TokenId> ids;
    for (std::uint64_t i = random.below(30); i > 0; --i) {
      ids.push_back(static_cast<TokenId>(random.below(static_cast<std::uint64_t>(tokenizer.vocab_size()))));
    }
    EXPECT_EQ(stream(tokenizer, ids), repair_utf8(tokenizer.decode(ids)));
    EXPECT_EQ(stream(tokenizer, ids, true), repair_utf8(tokenizer.decode(ids, true)));
    const std::string text = random_text(random);
    ids = tokenizer.encode(text);
    EXPECT_EQ(stream(tokenizer, ids), repair_utf8(tokenizer.decode(ids)));
  }
}

TEST(StreamDecoder, parts_are_whole_characters_and_join_to_the_whole_text) {
  expect_streams(smollm2_tokenizer(), "smollm2");
  expect_streams(Tokenizer::load(small_file("tokenizer.json")), "tokenizer.json");
  expect_streams(Tokenizer::load(small_file("sentencepiece.model")), "sentencepiece");
}

TEST(StreamDecoder, a_character_comes_with_the_token_that_ends_it) {
  const Tokenizer tokenizer(Vocabulary::from_tiktoken(small_file("tiktoken.model"), kSmallRanks));
  const std::vector<TokenId> ids = tokenizer.encode("\xF0\x9F\x98\x80");
  ASSERT_EQ(ids.size(), 4U);
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.push(ids[2]), "");
  EXPECT_EQ(decoder.push(ids[3]), "\xF0\x9F\x98\x80");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, what_is_left_of_a_character_becomes_replacement_characters) {
  const Tokenizer tokenizer(Vocabulary::from_tiktoken(small_file("tiktoken.model"), kSmallRanks));
  const std::vector<TokenId> ids = tokenizer.encode("\xF0\x9F\x98\x80");
  StreamDecoder decoder(tokenizer);
  decoder.push(ids[0]);
  decoder.push(ids[1]);
  EXPECT_EQ(decoder.push(tokenizer.encode("a").front()),
            "\xEF\xBF\xBD\xEF\xBF\xBD"
            "a");
  decoder.push(ids[0]);
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, refuses_ids_outside_the_vocabulary) {
  StreamDecoder decoder(smollm2_tokenizer());
  EXPECT_THROW(decoder.push(-1), DataError);
  EXPECT_THROW(decoder.push(49152), DataError);
}

}  // namespace
}  // namespace routedk::text
