#include "routedk/text/byte_pairs.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Rules {
  std::vector<std::string> tokens;
  std::vector<std::string> merges;
};

Vocabulary vocabulary_of(const Rules& rules, Dialect dialect = Dialect::kLlamaCpp) {
  Vocabulary vocabulary;
  vocabulary.tokens = rules.tokens;
  vocabulary.types.assign(rules.tokens.size(), TokenType::kNormal);
  vocabulary.merges = rules.merges;
  vocabulary.dialect = dialect;
  vocabulary.source = "vocab.gguf";
  return vocabulary;
}

std::vector<std::int32_t> encode(const BytePairs& pairs, std::string_view piece) {
  std::vector<std::int32_t> ids;
  pairs.encode(piece, ids);
  return ids;
}

/// Random merges of tokens that are already there.
Rules random_rules(Random& random, int count) {
  Rules rules{{"a", "b", "c"}, {}};
  while (static_cast<int>(rules.merges.size()) < count) {
    const std::string left = rules.tokens[random.below(rules.tokens.size())];
    const std::string right = rules.tokens[random.below(rules.tokens.size())];
    const std::string merge = fmt::format("{} {}", left, right);
    if (left.size() + right.size() > 8 ||
        std::find(rules.merges.begin(), rules.merges.end(), merge) != rules.merges.end()) {
      continue;
    }
    rules.merges.push_back(merge);
    if (std::find(rules.tokens.begin(), rules.tokens.end(), left + right) == rules.tokens.end()) {
      rules.tokens.push_back(left + right);
    }
  }
  return rules;
}

/// The definition: again and again the leftmost pair of the lowest rank.
std::vector<std::int32_t> naive(const Rules& rules, std::string_view piece) {
  std::vector<std::string> symbols;
  for (const char c : piece) {
    symbols.emplace_back(1, c);
  }
  while (true) {
    std::size_t best = symbols.size();
    auto lowest = rules.merges.end();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto rank =
          std::find(rules.merges.begin(), rules.merges.end(), symbols[i] + " " + symbols[i + 1]);
      if (rank < lowest) {
        lowest = rank;
        best = i;
      }
    }
    if (best == symbols.size()) {
      break;
    }
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  std::vector<std::int32_t> ids;
  for (const std::string& symbol : symbols) {
    const auto token = std::find(rules.tokens.begin(), rules.tokens.end(), symbol);
    ids.push_back(static_cast<std::int32_t>(token - rules.tokens.begin()));
  }
  return ids;
}

TEST(BytePairs, equals_the_naive_definition_on_random_rules_and_texts) {
  Random random(1, "byte pairs");
  for (int round = 0; round < 60; ++round) {
    const Rules rules = random_rules(random, 1 + static_cast<int>(random.below(30)));
    const BytePairs pairs(vocabulary_of(rules));
    for (int text = 0; text < 20; ++text) {
      std::string piece;
      for (std::uint64_t i = random.below(100); i > 0; --i) {  // short pieces and long ones
        piece += static_cast<char>('a' + static_cast<int>(random.below(3)));
      }
      ASSERT_EQ(encode(pairs, piece), naive(rules, piece)) << piece << " in round " << round;
    }
  }
}

TEST(BytePairs, a_byte_without_a_token_is_dropped_and_keeps_its_neighbours_apart) {
  const Rules rules{{"a", "b", "ab"}, {"a b"}};
  const BytePairs pairs(vocabulary_of(rules));
  EXPECT_THAT(encode(pairs, "ab"), ElementsAre(2));
  EXPECT_THAT(encode(pairs, "a?b"), ElementsAre(0, 1));
  EXPECT_THAT(encode(pairs, "?"), ElementsAre());
  EXPECT_EQ(encode(pairs, std::string(60, '?') + "ab" + std::string(60, '?')), std::vector<TokenId>{2});
}

TEST(BytePairs, in_hugging_face_s_dialect_the_neighbours_of_such_a_byte_merge) {
  const BytePairs pairs(vocabulary_of({{"a", "b", "ab"}, {"a b"}}, Dialect::kHuggingFace));
  EXPECT_THAT(encode(pairs, "a?b"), ElementsAre(2));
  EXPECT_THAT(encode(pairs, "a" + std::string(60, '?') + "b"), ElementsAre(2));
  EXPECT_THAT(encode(pairs, "?"), ElementsAre());
  EXPECT_THAT(encode(pairs, std::string(60, '?')), ElementsAre());
}

/// tiktoken's definition: again and again the leftmost pair whose bytes are the token of lowest id.
std::vector<TokenId> naive_by_id(const std::vector<std::string>& tokens, std::string_view piece) {
  const auto id_of = [&tokens](const std::string& bytes) {
    return std::find(tokens.begin(), tokens.end(), bytes) - tokens.begin();
  };
  std::vector<std::string> symbols;
  for (const char c : piece) {
    symbols.emplace_back(1, c);
  }
  while (true) {
    std::size_t best = symbols.size();
    auto lowest = static_cast<std::ptrdiff_t>(tokens.size());
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (const auto id = id_of(symbols[i] + symbols[i + 1]); id < lowest) {
        lowest = id;
        best = i;
      }
    }
    if (best == symbols.size()) {
      break;
    }
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  std::vector<TokenId> ids;
  for (const std::string& symbol : symbols) {
    ids.push_back(static_cast<TokenId>(id_of(symbol)));
  }
  return ids;
}

TEST(BytePairs, merging_by_id_equals_the_naive_definition) {
  Random random(2, "merge by id");
  for (int round = 0; round < 60; ++round) {
    Vocabulary vocabulary = vocabulary_of(random_rules(random, 1 + static_cast<int>(random.below(30))));
    vocabulary.merges.clear();
    vocabulary.merge_by_id = true;
    const BytePairs pairs(vocabulary);
    for (int text = 0; text < 20; ++text) {
      std::string piece;
      for (std::uint64_t i = random.below(100); i > 0; --i) {
        piece += static_cast<char>('a' + static_cast<int>(random.below(3)));
      }
      ASSERT_EQ(encode(pairs, piece), naive_by_id(vocabulary.tokens, piece))
          << piece << " in round " << round;
    }
  }
}

TEST(BytePairs, special_tokens_take_no_part) {
  Vocabulary vocabulary = vocabulary_of({{"a", "b", "ab"}, {}});
  vocabulary.types[2] = TokenType::kControl;
  vocabulary.merge_by_id = true;
  const BytePairs pairs(vocabulary);
  EXPECT_THAT(encode(pairs, "ab"), ElementsAre(0, 1));
  EXPECT_EQ(pairs.token_of_bytes("ab"), kNoToken);
}

TEST(BytePairs, a_megabyte_in_one_piece_takes_no_quadratic_time) {
  const Rules rules{{"a", "aa", "aaaa"}, {"a a", "aa aa"}};
  const BytePairs pairs(vocabulary_of(rules));
  EXPECT_EQ(encode(pairs, std::string(1 << 20, 'a')), std::vector<std::int32_t>(1 << 18, 2));
}

TEST(BytePairs, whole_pieces_are_found_by_their_bytes) {
  const Rules rules{{"a",
                     "\xC4\xA0"
                     "a"},
                    {}};
  const BytePairs pairs(vocabulary_of(rules));
  EXPECT_EQ(pairs.token_of_bytes(" a"), 1);
  EXPECT_EQ(pairs.token_of_bytes("aa"), -1);
}

void expect_rules_refused(const Rules& rules, const std::string& part) {
  try {
    const BytePairs pairs(vocabulary_of(rules));
    FAIL() << "accepted, but should say " << part;
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr(part));
    EXPECT_THAT(error.what(), HasSubstr("vocab.gguf"));
  }
}

TEST(BytePairs, broken_rules_are_refused_by_name) {
  expect_rules_refused({{"a", "b", "a"}, {}}, "`a` occurs a second time as token 2");
  expect_rules_refused({{"a", "b"}, {"ab"}}, "but merge 0 is `ab`");
  expect_rules_refused({{"a", "b"}, {"a b"}}, "those of merge 0, `a b`, are not");
  expect_rules_refused({{"a", "ab"}, {"a b"}}, "those of merge 0, `a b`, are not");
  expect_rules_refused({{"a", "aa"}, {"a a", "a a"}}, "`a a` occurs a second time as merge 1");
}

}  // namespace
}  // namespace routedk::text
