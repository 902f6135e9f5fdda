#include "routedk/core/error.h"
#include "routedk/decode/decoder.h"

#include <array>
#include <cmath>
#include <map>
#include <random>

#include "decode/small_models.h"
#include "support/expect_close.h"
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using experts::FixedGate;
using experts::RouterGate;
using testing::generate_options;
using testing::kEnd;
using testing::recomputed_logits;
using testing::router_for;
using testing::small_model;
using testing::tiny_config;
using testing::wide_config;
using text::TokenAutomaton;

experts::RoutedModel tiny_model() {
  return small_model(tiny_config(), false);
}

RouterGate tiny_router() {
  return router_for(tiny_config());
}

TEST(Generate, cached_greedy_decoding_equals_full_recomputation) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const Prompt prompt{{3, 9, 27, 11, 5}, 1};
  const auto candidate = generate(model, gate, {&prompt, 1}, generate_options(1, 0.0))[0].candidates[0];
  std::vector<std::int32_t> suffix;
  double logprob = 0.0;
  for (int t = 0; t < 12; ++t) {
    const at::Tensor logprobs = at::log_softmax(recomputed_logits(model, gate, prompt.ids, suffix), 0);
    const auto best = static_cast<std::int32_t>(logprobs.argmax().item<std::int64_t>());
    logprob += logprobs[best].item<double>();
    if (best == kEnd) {
      break;
    }
    suffix.push_back(best);
  }
  EXPECT_EQ(candidate.ids, suffix);
  EXPECT_NEAR(candidate.logprob, logprob, 1e-4);
}

TEST(Generate, sampled_candidates_carry_the_log_probability_of_full_recomputation) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const Prompt prompt{{3, 9, 27}, 1};
  const auto candidates = generate(model, gate, {&prompt, 1}, generate_options(3, 1.0))[0].candidates;
  for (const Candidate& candidate : candidates) {
    double logprob = 0.0;
    std::vector<std::int32_t> tokens = candidate.ids;
    if (candidate.finished) {
      tokens.push_back(kEnd);
    }
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const std::vector<std::int32_t> before(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(t));
      logprob +=
          at::log_softmax(recomputed_logits(model, gate, prompt.ids, before), 0)[tokens[t]].item<double>();
    }
    EXPECT_NEAR(candidate.logprob, logprob, 1e-4);
  }
}

TEST(Generate, a_pooled_state_is_the_mean_of_the_recomputed_states_of_the_answer_s_tokens) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const std::vector<Prompt> prompts = {{{3, 9, 27}, 1}, {{2, 4, 6, 8}, 2}};
  GenerateOptions pooling = generate_options(3, 1.0);
  pooling.pool_hidden = true;
  const auto generations = generate(model, gate, prompts, pooling);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    for (const Candidate& candidate : generations[p].candidates) {
      std::vector<std::int32_t> all = prompts[p].ids;
      all.insert(all.end(), candidate.ids.begin(), candidate.ids.end() - (candidate.finished ? 0 : 1));
      const auto length = static_cast<std::int64_t>(prompts[p].ids.size());
      const auto fed = static_cast<std::int64_t>(all.size()) - length;
      if (fed == 0) {
        EXPECT_TRUE(candidate.pooled.empty());
        continue;
      }
      const auto batch = model::FlatBatch::make({all}, {length});
      const at::Tensor hidden = model.forward({batch, gate}).hidden.narrow(0, length, fed);
      testing::expect_close(at::tensor(candidate.pooled), hidden.mean(0), {1e-4, 1e-5});
    }
  }
}

TEST(Generate, n_samples_equal_the_first_n_of_more_samples) {
  const auto model = tiny_model();
  const FixedGate gate = FixedGate::average(2);
  const Prompt prompt{{4, 8, 15, 16}, 9};
  const auto few = generate(model, gate, {&prompt, 1}, generate_options(2, 0.7))[0].candidates;
  const auto many = generate(model, gate, {&prompt, 1}, generate_options(5, 0.7))[0].candidates;
  for (std::size_t n = 0; n < few.size(); ++n) {
    EXPECT_EQ(few[n].ids, many[n].ids) << "sample " << n;
  }
}

TEST(Generate, the_last_samples_equal_those_of_all) {
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const std::vector<Prompt> prompts = {{{3, 9, 27}, 1}, {{2, 4, 6, 8}, 2}};
  const auto all = generate(model, gate, prompts, generate_options(5, 1.0));
  GenerateOptions rest = generate_options(3, 1.0);
  rest.first_sample = 2;
  const auto last = generate(model, gate, prompts, rest);
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(last[p].candidates[i].ids, all[p].candidates[i + 2].ids);
      EXPECT_EQ(last[p].candidates[i].logprob, all[p].candidates[i + 2].logprob);
    }
  }
}

TEST(Generate, a_prompt_gets_the_same_samples_alone_as_among_others) {
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const std::vector<Prompt> prompts = {{{3, 9, 27, 11, 5, 6, 7}, 1}, {{2, 4}, 2}, {{30, 31, 32, 33}, 3}};
  const auto together = generate(model, gate, prompts, generate_options(2, 0.7));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto alone = generate(model, gate, {&prompts[p], 1}, generate_options(2, 0.7));
    testing::expect_close(alone[0].alpha, together[p].alpha, {1e-5, 1e-6});
    for (std::size_t n = 0; n < 2; ++n) {
      EXPECT_EQ(alone[0].candidates[n].ids, together[p].candidates[n].ids)
          << "prompt " << p << " sample " << n;
    }
  }
}

TEST(Generate, samples_of_one_prompt_differ_at_a_high_temperature) {
  const auto model = tiny_model();
  const Prompt prompt{{4, 8, 15, 16}, 9};
  const auto candidates =
      generate(model, FixedGate::average(2), {&prompt, 1}, generate_options(4, 5.0))[0].candidates;
  EXPECT_NE(candidates[0].ids, candidates[1].ids);
}

struct Products {
  Kernels kernels;
  kernels::Precision precision;  // of the tensors
};
const Products kFloat32{Kernels::kReference, kernels::Precision::kFloat32};
const Products kBFloat16{Kernels::kReference, kernels::Precision::kBFloat16};
const Products kInt8{Kernels::kInt8, kernels::Precision::kFloat32};

/// Claims that hold to the last bit, for all kinds of products.
class Exact : public ::testing::TestWithParam<Products> {
 protected:
  experts::RoutedModel model_ = small_model(wide_config(), true, GetParam().precision);
  RouterGate gate_ = router_for(wide_config());
  Decoder decoder_{model_, GetParam().kernels};
  std::vector<Prompt> prompts_ = {{{3, 9, 27, 11, 5, 6, 7}, 1}, {{2, 4}, 2}, {{30, 31, 32, 33}, 3}};

  static void expect_same(const Candidate& a, const Candidate& b) {
    EXPECT_EQ(a.ids, b.ids);
    EXPECT_EQ(a.logprob, b.logprob);
    EXPECT_EQ(a.constrained_logprob, b.constrained_logprob);
    EXPECT_EQ(a.pooled, b.pooled);
  }
};

TEST_P(Exact, n_samples_equal_n_separate_runs) {
  GenerateOptions all = generate_options(5, 1.5, 40);
  all.pool_hidden = true;
  const auto together = decoder_.generate(gate_, prompts_, all);
  for (std::int64_t n = 1; n <= 5; ++n) {
    GenerateOptions few = all;
    few.samples = n;
    const auto alone = decoder_.generate(gate_, {&prompts_[0], 1}, few);
    expect_same(alone[0].candidates[static_cast<std::size_t>(n - 1)],
                together[0].candidates[static_cast<std::size_t>(n - 1)]);
  }
}

TEST_P(Exact, the_number_of_threads_changes_nothing) {
  const int before = at::get_num_threads();
  std::vector<Candidate> first;
  for (const int threads : {1, 2, 3, 5}) {
    at::set_num_threads(threads);
    const auto now = decoder_.generate(gate_, prompts_, generate_options(3, 1.5, 40))[1].candidates;
    first = first.empty() ? now : first;
    for (std::size_t n = 0; n < now.size(); ++n) {
      expect_same(now[n], first[n]);
    }
  }
  at::set_num_threads(before);
}

TEST_P(Exact, tokens_fed_one_by_one_equal_the_same_tokens_fed_at_once) {
  const at::NoGradGuard no_grad;
  const std::vector<std::int32_t> own = {7, 1, 99, 150, 3, 3, 8};
  const auto hidden = [&](std::size_t at_once) {
    auto cache = decoder_.make_cache({4});
    cache.reserve(1, 1);
    const auto prompt = model::FlatBatch::make({prompts_[2].ids}, {4});
    std::vector<kernels::CacheRow> rows;
    for (std::int64_t t = 0; t < 4; ++t) {
      rows.push_back({0, kernels::CacheRow::kPrompt, t});
    }
    const auto begun = decoder_.forward(prompt, gate_, rows, cache);
    const experts::FrozenGate frozen(begun.rows);
    std::vector<at::Tensor> outputs;
    for (std::size_t i = 0; i < own.size(); i += at_once) {
      const std::vector<std::int32_t> chunk(
          own.begin() + static_cast<std::ptrdiff_t>(i),
          own.begin() + static_cast<std::ptrdiff_t>(std::min(i + at_once, own.size())));
      auto batch = model::FlatBatch::make({chunk}, {1});
      batch.positions = batch.positions + static_cast<std::int64_t>(4 + i);
      rows.clear();
      for (std::size_t t = 0; t < chunk.size(); ++t) {
        rows.push_back({0, 0, static_cast<std::int64_t>(i + t)});
      }
      cache.reserve(1, static_cast<std::int64_t>(i + chunk.size()));
      outputs.push_back(decoder_.forward(batch, frozen, rows, cache).hidden);
    }
    return at::cat(outputs, 0);
  };
  testing::expect_equal(hidden(1), hidden(own.size()));
  testing::expect_equal(hidden(3), hidden(own.size()));
}

TEST_P(Exact, samples_that_part_late_keep_what_they_share) {
  GenerateOptions o = generate_options(8, 0.9, 60);
  const auto all = decoder_.generate(gate_, {&prompts_[1], 1}, o)[0].candidates;
  for (const Candidate& c : all) {  // each token's probability again, through the model from scratch
    double logprob = 0.0;
    const at::NoGradGuard no_grad;
    std::vector<std::int32_t> tokens = c.ids;
    if (c.finished) {
      tokens.push_back(kEnd);
    }
    std::vector<std::int32_t> all_ids = prompts_[1].ids;
    all_ids.insert(all_ids.end(), tokens.begin(), tokens.end());
    const auto batch = model::FlatBatch::make({all_ids}, {2});
    const at::Tensor logits = model_.backbone().logits(model_.forward({batch, gate_}).hidden);
    const at::Tensor log_p = at::log_softmax(logits, -1);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      logprob += log_p[static_cast<std::int64_t>(1 + t)][tokens[t]].item<double>();
    }
    const bool rounds =
        GetParam().kernels == Kernels::kInt8 || GetParam().precision == kernels::Precision::kBFloat16;
    const double tolerance = rounds ? 0.01 * std::fabs(logprob) : 1e-3;
    EXPECT_NEAR(c.logprob, logprob, tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Exact, ::testing::Values(kFloat32, kBFloat16, kInt8), [](const auto& test) {
  return test.param.kernels == Kernels::kInt8 ? std::string("int8")
                                              : std::string(name_of(test.param.precision));
});

TEST(Generate, eight_bit_kernels_stay_near_the_reference) {
  const at::NoGradGuard no_grad;
  const auto model = small_model(wide_config(), true);
  const RouterGate gate = router_for(wide_config());
  const Decoder reference(model, Kernels::kReference);
  const Decoder fast(model, Kernels::kInt8);
  EXPECT_THAT(fast.path(), ::testing::StartsWith("int8"));
  const std::vector<std::int32_t> ids = {3, 9, 27, 11, 5, 6, 7, 100, 42};
  const auto logits = [&](const Decoder& decoder) {
    auto cache = decoder.make_cache({9});
    std::vector<kernels::CacheRow> rows;
    for (std::int64_t t = 0; t < 9; ++t) {
      rows.push_back({0, kernels::CacheRow::kPrompt, t});
    }
    const auto out = decoder.forward(model::FlatBatch::make({ids}, {9}), gate, rows, cache);
    return decoder.logits(out.hidden);
  };
  const at::Tensor exact = logits(reference);
  EXPECT_LT(((logits(fast) - exact).norm() / exact.norm()).item<double>(), 0.03);
}

/// Accepts 5 6 (7 | 8) end.
class ThreeWords : public TokenAutomaton {
 public:
  State start() const override { return 0; }
  std::span<const Edge> edges(State state) override { return edges_.at(state); }

 private:
  std::map<State, std::vector<Edge>> edges_ = {
      {0, {{5, 1}}}, {1, {{6, 2}}}, {2, {{7, 3}, {8, 3}}}, {3, {{kEnd, 4}}}, {4, {}}};
};

TEST(Generate, an_automaton_is_obeyed_and_its_constrained_probability_counts_free_choices_only) {
  const auto model = tiny_model();
  ThreeWords automaton;
  const Prompt prompt{{4, 8, 15, 16}, 9, &automaton};
  std::map<std::int32_t, double> seen;
  const auto candidates =
      generate(model, FixedGate::average(2), {&prompt, 1}, generate_options(16, 1.0))[0].candidates;
  for (const Candidate& c : candidates) {
    EXPECT_TRUE(c.finished);
    ASSERT_EQ(c.ids.size(), 3);
    EXPECT_THAT(std::vector<std::int32_t>(c.ids.begin(), c.ids.begin() + 2), ::testing::ElementsAre(5, 6));
    EXPECT_LT(c.logprob, c.constrained_logprob);
    seen[c.ids[2]] = std::exp(c.constrained_logprob);
  }
  ASSERT_THAT(seen, ::testing::SizeIs(2)) << "both choices must turn up among 16 samples";
  EXPECT_NEAR(seen[7] + seen[8], 1.0, 1e-5);
}

TEST(Generate, an_answer_ends_where_the_context_does) {
  const auto model = tiny_model();
  const Prompt prompt{std::vector<std::int32_t>(60, 1), 1};
  const Prompt shorter{std::vector<std::int32_t>(5, 1), 1};
  GenerateOptions options = generate_options(2, 0.0);
  options.end_of_turn = -1;  // never drawn
  const std::array<Prompt, 2> prompts{prompt, shorter};
  const auto generations = generate(model, FixedGate::average(2), prompts, options);
  EXPECT_EQ(generations[0].candidates[1].ids.size(), 4U);
  EXPECT_FALSE(generations[0].candidates[1].finished);
  EXPECT_EQ(generations[1].candidates[0].ids.size(), 12U);
}

TEST(Generate, any_token_of_those_that_end_answers_does) {
  const auto model = tiny_model();
  const Prompt prompt{{1, 2, 3}, 1};
  GenerateOptions options = generate_options(1, 0.0);
  options.end_of_turn = -1;
  const auto first = generate(model, FixedGate::average(2), {&prompt, 1}, options)[0].candidates[0].ids.at(0);
  options.other_ends = {-2, first};
  const Candidate ended = generate(model, FixedGate::average(2), {&prompt, 1}, options)[0].candidates[0];
  EXPECT_TRUE(ended.finished);
  EXPECT_TRUE(ended.ids.empty());
}

TEST(Generate, a_prompt_that_leaves_no_room_is_refused_with_its_length) {
  const auto model = tiny_model();
  const Prompt prompt{std::vector<std::int32_t>(64, 1), 1};
  try {
    generate(model, FixedGate::average(2), {&prompt, 1}, generate_options(1, 0.0));
    FAIL() << "64 tokens leave room in 64";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("context of 64 tokens, but has 64"));
  }
}

}  // namespace
}  // namespace routedk::decode
