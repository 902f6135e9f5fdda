#include "routedk/bundle/answer_automaton.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using text::TokenAutomaton;
using text::TokenId;
using Tokens = std::vector<TokenId>;

/// A tokenizer, by its file in the checkout, and how an answer goes on under its chat template.
struct Case {
  const char* name;
  const char* file;
  text::AnswerForm form;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"byte_level", ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf", {}},
      {"byte_level_after_a_blank", ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf", {.before = " "}},
      {"pieces_and_bytes", "tests/goldens/small_tokenizers/sentencepiece.model", {}},
      {"pieces_and_bytes_in_a_gguf", "tests/goldens/small_tokenizers/llama2.gguf", {.before = " "}},
      {"pieces_after_a_special_token",
       "tests/goldens/small_tokenizers/sentencepiece.model",
       {.place = text::Place::kAfterSpecial}},
      {"llama2", ".deps/llama2-tokenizer/tokenizer.model", {.before = " "}},
      {"llama2_json", ".deps/llama2-tokenizer/tokenizer.json", {.before = " "}},
      {"tinyllama", ".deps/llama2-tokenizer", {}},
      {"tinyllama_gguf", ".deps/llama2-tokenizer/ggml-vocab-llama-spm.gguf", {}},
      {"llama2_without_a_template",
       ".deps/llama2-tokenizer/ggml-vocab-llama-spm.gguf",
       {.place = text::Place::kStart}},
  };
  return all;
}

class AnswerAutomaton : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const std::filesystem::path file = std::filesystem::path(ROUTEDK_SOURCE_DIR) / GetParam().file;
    if (!std::filesystem::exists(file)) {
      GTEST_SKIP() << file << " is not there: scripts/setup or .ci/run makes it";
    }
    tokenizer_ = text::Tokenizer::load(file);
  }

  std::unique_ptr<TokenAutomaton> make(int n_products) const {
    text::AnswerForm form = GetParam().form;
    form.end = kEnd;
    return make_answer_automaton(*tokenizer_, n_products, form);
  }
  Tokens encoded(const std::string& text) const {
    return tokenizer_->encode(GetParam().form.before + text, GetParam().form.place);
  }
  /// The oracle: the whole text encoded at once.
  Tokens encoded(const ProductAnswer& answer) const {
    Tokens tokens = encoded(canonical_answer(answer));
    tokens.push_back(kEnd);
    return tokens;
  }

  static constexpr TokenId kEnd = 2;
  std::optional<text::Tokenizer> tokenizer_;
};

INSTANTIATE_TEST_SUITE_P(Tokenizers, AnswerAutomaton, ::testing::ValuesIn(cases()),
                         [](const auto& one) { return std::string(one.param.name); });

/// All bundles of n products in lexicographic order, from the subsets.
ProductAnswer all_bundles(int n) {
  ProductAnswer bundles;
  for (int subset = 0; subset < (1 << n); ++subset) {
    ProductBundle bundle;
    for (int product = 1; product <= n; ++product) {
      if ((subset >> (product - 1) & 1) != 0) {
        bundle.push_back(product);
      }
    }
    if (bundle.size() >= 2) {
      bundles.push_back(bundle);
    }
  }
  std::ranges::sort(bundles);
  return bundles;
}

/// Every set of one to eight bundles.
std::vector<ProductAnswer> all_answers(int n) {
  const ProductAnswer bundles = all_bundles(n);
  std::vector<ProductAnswer> answers;
  for (std::uint32_t chosen = 1; chosen < (1U << bundles.size()); ++chosen) {
    ProductAnswer answer;
    for (std::size_t i = 0; i < bundles.size(); ++i) {
      if ((chosen >> i & 1U) != 0) {
        answer.push_back(bundles[i]);
      }
    }
    if (answer.size() <= 8) {
      answers.push_back(answer);
    }
  }
  return answers;
}

void collect(TokenAutomaton& automaton, TokenAutomaton::State state, Tokens& path,
             std::set<Tokens>& accepted) {
  if (automaton.edges(state).empty()) {
    EXPECT_TRUE(accepted.insert(path).second);
  }
  for (const auto& [token, next] : automaton.edges(state)) {
    path.push_back(token);
    collect(automaton, next, path, accepted);
    path.pop_back();
  }
}

bool accepts(TokenAutomaton& automaton, const Tokens& tokens) {
  TokenAutomaton::State state = automaton.start();
  for (const TokenId token : tokens) {
    const auto edges = automaton.edges(state);
    const auto edge = std::ranges::find(edges, token, &TokenAutomaton::Edge::token);
    if (edge == edges.end()) {
      return false;
    }
    state = edge->next;
  }
  return automaton.edges(state).empty();
}

TEST_P(AnswerAutomaton, accepts_exactly_the_canonical_answers_of_two_to_four_products) {
  for (const auto& [n, count] : {std::pair{2, 1U}, std::pair{3, 15U}, std::pair{4, 1980U}}) {
    std::set<Tokens> expected;
    for (const ProductAnswer& answer : all_answers(n)) {
      expected.insert(encoded(answer));
    }
    ASSERT_EQ(expected.size(), count);
    const auto automaton = make(n);
    std::set<Tokens> accepted;
    Tokens path;
    collect(*automaton, automaton->start(), path, accepted);
    EXPECT_EQ(accepted, expected) << n << " products";
  }
}

TEST_P(AnswerAutomaton, fewer_than_two_products_have_the_empty_answer_alone) {
  for (const int n : {0, 1}) {
    const auto automaton = make(n);
    std::set<Tokens> accepted;
    Tokens path;
    collect(*automaton, automaton->start(), path, accepted);
    EXPECT_EQ(accepted, std::set<Tokens>{encoded(ProductAnswer{})});
  }
}

TEST_P(AnswerAutomaton, every_random_walk_ends_in_a_canonical_answer) {
  for (int n = 5; n <= 10; ++n) {
    const auto automaton = make(n);
    for (std::uint64_t walk = 0; walk < 300; ++walk) {
      Random random(1, "walk", {static_cast<std::uint64_t>(n), walk});
      Tokens tokens;
      TokenAutomaton::State state = automaton->start();
      for (auto edges = automaton->edges(state); !edges.empty(); edges = automaton->edges(state)) {
        const auto& edge = edges[random.below(edges.size())];
        tokens.push_back(edge.token);
        state = edge.next;
      }
      ASSERT_EQ(tokens.back(), kEnd);
      tokens.pop_back();
      const std::string text = tokenizer_->decode(tokens);
      const auto answer = parse_answer(text, n);
      ASSERT_TRUE(answer.has_value()) << text;
      EXPECT_FALSE(answer->empty());
      EXPECT_TRUE(text.ends_with(canonical_answer(*answer))) << text;
      EXPECT_EQ(encoded(canonical_answer(*answer)), tokens) << text;
    }
  }
}

TEST_P(AnswerAutomaton, accepts_random_canonical_answers_of_five_to_ten_products) {
  for (int n = 5; n <= 10; ++n) {
    const auto automaton = make(n);
    const ProductAnswer bundles = all_bundles(n);
    for (std::uint64_t trial = 0; trial < 300; ++trial) {
      Random random(2, "answer", {static_cast<std::uint64_t>(n), trial});
      ProductAnswer answer;
      for (std::uint64_t left = 1 + random.below(8); left > 0; --left) {
        answer.push_back(bundles[random.below(bundles.size())]);
      }
      EXPECT_TRUE(accepts(*automaton, encoded(answer))) << canonical_answer(answer);
    }
  }
}

TEST_P(AnswerAutomaton, refuses_answers_out_of_canonical_form) {
  const auto automaton = make(4);
  for (const std::string text : {
           R"({"bundle1": ["product2", "product1"]})",
           R"({"bundle1": ["product1"]})",
           R"({"bundle1": ["product1", "product1"]})",
           R"({"bundle1": ["product1", "product5"]})",
           R"({"bundle2": ["product1", "product2"]})",
           R"({"bundle1": ["product1", "product3"], "bundle2": ["product1", "product2"]})",
           R"({"bundle1": ["product1", "product2"], "bundle2": ["product1", "product2"]})",
           "{}",
       }) {
    Tokens tokens = encoded(text);
    tokens.push_back(kEnd);
    EXPECT_FALSE(accepts(*automaton, tokens)) << text;
  }
}

TEST_P(AnswerAutomaton, edges_ascend_and_stay_valid_while_states_are_made) {
  const auto automaton = make(10);
  const auto first = automaton->edges(automaton->start());
  const Tokens answer = encoded(all_bundles(10));
  ASSERT_TRUE(accepts(*automaton, answer));
  EXPECT_EQ(first.front().token, answer.front());
  TokenAutomaton::State state = automaton->start();
  for (const TokenId token : answer) {
    const auto edges = automaton->edges(state);
    EXPECT_TRUE(std::ranges::is_sorted(edges, {}, &TokenAutomaton::Edge::token));
    state = std::ranges::find(edges, token, &TokenAutomaton::Edge::token)->next;
  }
}

TEST_P(AnswerAutomaton, answers_share_states_once_an_earlier_bundle_no_longer_matters) {
  const auto automaton = make(10);
  const auto state_after = [&](const std::string& text) {
    TokenAutomaton::State state = automaton->start();
    for (const TokenId token : encoded(text)) {
      state = std::ranges::find(automaton->edges(state), token, &TokenAutomaton::Edge::token)->next;
    }
    return state;
  };
  const std::string one = R"({"bundle1": ["product1", "product2"], "bundle2": ["product)";
  const std::string other = R"({"bundle1": ["product1", "product3"], "bundle2": ["product)";
  EXPECT_NE(state_after(one + "1"), state_after(other + "1"));
  EXPECT_EQ(state_after(one + "2"), state_after(other + "2"));
}

TEST_P(AnswerAutomaton, a_number_of_products_out_of_range_is_refused) {
  EXPECT_THROW(make(-1), ConfigError);
  EXPECT_THROW(make(11), ConfigError);
}

}  // namespace
}  // namespace routedk::bundle
