#include "routedk/text/tokenizer.h"

#include "routedk/core/error.h"

#include "text/model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Tokenizer, ids_equal_llama_cpp_on_hard_texts) {
  ASSERT_GT(tokenizer_golden()["cases"].size(), 40U);
  for (const io::Json& entry : tokenizer_golden()["cases"]) {
    const auto expected = entry["plain"].get<std::vector<TokenId>>();
    EXPECT_EQ(smollm2_tokenizer().encode(text_of(entry)), expected) << entry.dump();
  }
}

TEST(Tokenizer, special_spellings_equal_llama_cpp_on_hard_texts) {
  for (const io::Json& entry : tokenizer_golden()["cases"]) {
    const auto expected = entry["special"].get<std::vector<TokenId>>();
    EXPECT_EQ(smollm2_tokenizer().encode_with_special(text_of(entry)), expected) << entry.dump();
  }
}

TEST(Tokenizer, other_splits_equal_llama_cpp_on_hard_texts) {
  for (const char* pre : {"llama-bpe", "gpt-2", "default"}) {
    Vocabulary vocabulary = Vocabulary::from_gguf(smollm2());
    vocabulary.pre = pre;
    const Tokenizer tokenizer(std::move(vocabulary));
    for (const io::Json& entry : tokenizer_golden()["cases"]) {
      const auto expected = entry["pre"][pre].get<std::vector<TokenId>>();
      EXPECT_EQ(tokenizer.encode(text_of(entry)), expected) << pre << ": " << entry.dump();
    }
  }
}

TEST(Tokenizer, specials_are_those_of_the_model) {
  const Tokenizer& tokenizer = smollm2_tokenizer();
  EXPECT_EQ(tokenizer.vocab_size(), 49152);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_EQ(tokenizer.pad(), 2);
  EXPECT_EQ(tokenizer.special("<|im_end|>"), 2);
  EXPECT_THROW(tokenizer.special("<|eot_id|>"), ConfigError);
}

TEST(Tokenizer, a_spelled_out_special_is_text_unless_asked_for) {
  const Tokenizer& tokenizer = smollm2_tokenizer();
  EXPECT_THAT(tokenizer.encode("<|im_end|>"), ::testing::Each(::testing::Gt(16)));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("<|im_end|>")), "<|im_end|>");
  EXPECT_THAT(tokenizer.encode_with_special("<|im_end|>"), ElementsAre(2));
}

TEST(Tokenizer, decoding_leaves_specials_out_unless_asked) {
  const std::vector<TokenId> ids =
      smollm2_tokenizer().encode_with_special("<|im_start|>caf\xC3\xA9<|im_end|>");
  EXPECT_EQ(smollm2_tokenizer().decode(ids), "caf\xC3\xA9");
  EXPECT_EQ(smollm2_tokenizer().decode(ids, true), "<|im_start|>caf\xC3\xA9<|im_end|>");
}

TEST(Tokenizer, decoding_refuses_ids_outside_the_vocabulary) {
  for (const TokenId id : {-1, 49152}) {
    EXPECT_THROW(smollm2_tokenizer().decode(std::vector<TokenId>{id}), DataError) << id;
  }
}

/// Tokens 0 "a", 1 "b", 2 "ab", then `spelled` with the given type.
Vocabulary tiny(const std::vector<std::string>& spelled, TokenType type) {
  Vocabulary vocabulary;
  vocabulary.tokens = {"a", "b", "ab"};
  vocabulary.types.assign(3, TokenType::kNormal);
  vocabulary.merges = {"a b"};
  vocabulary.pre = "gpt-2";
  vocabulary.source = "tiny.gguf";
  vocabulary.tokens.insert(vocabulary.tokens.end(), spelled.begin(), spelled.end());
  vocabulary.types.resize(vocabulary.tokens.size(), type);
  return vocabulary;
}

TEST(Tokenizer, user_defined_tokens_are_found_in_plain_text) {
  const Tokenizer tokenizer(tiny({"ba ab"}, TokenType::kUserDefined));
  EXPECT_THAT(tokenizer.encode("aba abb"), ElementsAre(0, 3, 1));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("aba abb")), "aba abb");
}

TEST(Tokenizer, the_longest_special_spelling_wins) {
  const Tokenizer tokenizer(tiny({"<a", "<ab>"}, TokenType::kControl));
  EXPECT_THAT(tokenizer.encode_with_special("<ab><a"), ElementsAre(4, 3));
}

void expect_refused(Vocabulary vocabulary, const std::string& part) {
  try {
    const Tokenizer tokenizer(std::move(vocabulary));
    FAIL() << "accepted, but should say " << part;
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr(part));
    EXPECT_THAT(error.what(), HasSubstr("tiny.gguf"));
  }
}

TEST(Tokenizer, an_unknown_split_is_refused_by_name) {
  Vocabulary vocabulary = tiny({}, TokenType::kNormal);
  vocabulary.pre = "tekken";
  expect_refused(std::move(vocabulary), "but is `tekken`");
}

TEST(Tokenizer, a_token_without_a_type_is_refused) {
  Vocabulary vocabulary = tiny({}, TokenType::kNormal);
  vocabulary.types.pop_back();
  expect_refused(std::move(vocabulary), "there are 2 types");
}

}  // namespace
}  // namespace routedk::text
