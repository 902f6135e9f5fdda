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

using testing::ElementsAre;
using testing::HasSubstr;

struct Rules {
  std::vector<std::string> tokens;
  std::vector<std::string> merges;
};

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
    const BytePairs pairs(rules.tokens, rules.merges, "test");
    for (int text = 0; text < 20; ++text) {
      std::string piece;
      for (std::uint64_t i = random.below(40); i > 0; --i) {
        piece += static_cast<char>('a' + static_cast<int>(random.below(3)));
      }
      ASSERT_EQ(encode(pairs, piece), naive(rules, piece)) << piece << " in round " << round;
    }
  }
}

TEST(BytePairs, a_byte_without_a_token_is_dropped_and_keeps_its_neighbours_apart) {
  const Rules rules{{"a", "b", "ab"}, {"a b"}};
  const BytePairs pairs(rules.tokens, rules.merges, "test");
  EXPECT_THAT(encode(pairs, "ab"), ElementsAre(2));
  EXPECT_THAT(encode(pairs, "a?b"), ElementsAre(0, 1));
  EXPECT_THAT(encode(pairs, "?"), ElementsAre());
}

TEST(BytePairs, a_megabyte_in_one_piece_takes_no_quadratic_time) {
  const Rules rules{{"a", "aa", "aaaa"}, {"a a", "aa aa"}};
  const BytePairs pairs(rules.tokens, rules.merges, "test");
  EXPECT_EQ(encode(pairs, std::string(1 << 20, 'a')), std::vector<std::int32_t>(1 << 18, 2));
}

TEST(BytePairs, whole_pieces_are_found_by_their_bytes) {
  const Rules rules{{"a",
                     "\xC4\xA0"
                     "a"},
                    {}};
  const BytePairs pairs(rules.tokens, rules.merges, "test");
  EXPECT_EQ(pairs.token_of_bytes(" a"), 1);
  EXPECT_EQ(pairs.token_of_bytes("aa"), -1);
}

void expect_refused(const Rules& rules, const std::string& part) {
  try {
    const BytePairs pairs(rules.tokens, rules.merges, "vocab.gguf");
    FAIL() << "accepted, but should say " << part;
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr(part));
    EXPECT_THAT(error.what(), HasSubstr("vocab.gguf"));
  }
}

TEST(BytePairs, broken_rules_are_refused_by_name) {
  expect_refused({{"a", "b", "a"}, {}}, "`a` comes a second time as token 2");
  expect_refused({{"a", "b"}, {"ab"}}, "but is `ab`");
  expect_refused({{"a", "b"}, {"a b"}}, "those of `a b` are not");
  expect_refused({{"a", "ab"}, {"a b"}}, "those of `a b` are not");
}

}  // namespace
}  // namespace routedk::text
