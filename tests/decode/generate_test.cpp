#include "routedk/decode/generate.h"

#include "routedk/core/error.h"
#include "routedk/experts/router.h"
#include "routedk/model/attention.h"

#include <cmath>
#include <map>
#include <random>

#include "support/tiny_llama.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using experts::FixedGate;
using experts::RouterGate;
using testing::tiny_config;
using text::TokenAutomaton;

constexpr text::TokenId kEnd = 0;

/// Random weights and two experts that matter.
experts::RoutedModel tiny_model() {
  const model::LoadOptions options{false, false, at::kFloat};
  auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(tiny_config(), options, 7));
  std::vector<std::shared_ptr<experts::Expert>> bank;
  for (const char* name : {"a", "b"}) {
    bank.push_back(
        std::make_shared<experts::Expert>(name, tiny_config(), experts::LoraConfig{.rank = 2, .alpha = 4.0}));
    bank.back()->initialise(1);
    const at::NoGradGuard no_grad;
    bank.back()->parameters().values().add_(at::sin(at::arange(bank.back()->parameters().size(), at::kFloat)),
                                            0.3);
  }
  auto frozen = std::make_shared<experts::ExpertBank>(bank);
  frozen->freeze(at::kFloat);
  return {backbone, frozen};
}

/// A router whose weights depend on the prompt.
RouterGate tiny_router() {
  RouterGate gate(tiny_config().layers, tiny_config().hidden, 2);
  gate.parameters().values().copy_(at::cos(at::arange(gate.parameters().size(), at::kFloat)).mul_(2.0));
  return gate;
}

GenerateOptions options(std::int64_t samples, double temperature, std::int64_t longest = 12) {
  return {.samples = samples,
          .sampling = {.temperature = temperature},
          .max_new_tokens = longest,
          .end_of_turn = kEnd,
          .seed = 5};
}

/// Logits of the last of prompt + suffix tokens, all recomputed, under the alpha of the prompt alone.
at::Tensor recomputed_logits(const experts::RoutedModel& model, const experts::Gate& gate,
                             const std::vector<std::int32_t>& prompt,
                             const std::vector<std::int32_t>& suffix) {
  std::vector<std::int32_t> all = prompt;
  all.insert(all.end(), suffix.begin(), suffix.end());
  const auto batch = model::FlatBatch::make({all}, {static_cast<std::int64_t>(prompt.size())});
  const auto attend = model::causal_attention(batch);
  const at::Tensor hidden = model.forward({batch, gate, attend}).hidden;
  return model.backbone().logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
}

TEST(Generate, cached_greedy_decoding_equals_full_recomputation) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const Prompt prompt{{3, 9, 27, 11, 5}, 1};
  const auto candidate = generate(model, gate, {&prompt, 1}, options(1, 0.0))[0].candidates[0];
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
  const auto candidates = generate(model, gate, {&prompt, 1}, options(3, 1.0))[0].candidates;
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
  GenerateOptions pooling = options(3, 1.0);
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
      const auto attend = model::causal_attention(batch);
      const at::Tensor hidden = model.forward({batch, gate, attend}).hidden.narrow(0, length, fed);
      EXPECT_TRUE(at::allclose(at::tensor(candidate.pooled), hidden.mean(0), 1e-4, 1e-5));
    }
  }
}

TEST(Generate, n_samples_equal_the_first_n_of_more_samples) {
  const auto model = tiny_model();
  const FixedGate gate = FixedGate::average(2);
  const Prompt prompt{{4, 8, 15, 16}, 9};
  const auto few = generate(model, gate, {&prompt, 1}, options(2, 0.7))[0].candidates;
  const auto many = generate(model, gate, {&prompt, 1}, options(5, 0.7))[0].candidates;
  for (std::size_t n = 0; n < few.size(); ++n) {
    EXPECT_EQ(few[n].ids, many[n].ids) << "sample " << n;
  }
}

TEST(Generate, a_prompt_gets_the_same_samples_alone_as_among_others) {
  const auto model = tiny_model();
  const RouterGate gate = tiny_router();
  const std::vector<Prompt> prompts = {{{3, 9, 27, 11, 5, 6, 7}, 1}, {{2, 4}, 2}, {{30, 31, 32, 33}, 3}};
  const auto together = generate(model, gate, prompts, options(2, 0.7));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto alone = generate(model, gate, {&prompts[p], 1}, options(2, 0.7));
    EXPECT_TRUE(at::allclose(alone[0].alpha, together[p].alpha, 1e-5, 1e-6));
    for (std::size_t n = 0; n < 2; ++n) {
      EXPECT_EQ(alone[0].candidates[n].ids, together[p].candidates[n].ids)
          << "prompt " << p << " sample " << n;
    }
  }
}

TEST(Generate, samples_of_one_prompt_differ_at_a_high_temperature) {
  const auto model = tiny_model();
  const Prompt prompt{{4, 8, 15, 16}, 9};
  const auto candidates = generate(model, FixedGate::average(2), {&prompt, 1}, options(4, 5.0))[0].candidates;
  EXPECT_NE(candidates[0].ids, candidates[1].ids);
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
      generate(model, FixedGate::average(2), {&prompt, 1}, options(16, 1.0))[0].candidates;
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

TEST(Generate, a_prompt_that_cannot_fit_with_its_answer_is_refused_with_both_lengths) {
  const auto model = tiny_model();
  const Prompt prompt{std::vector<std::int32_t>(60, 1), 1};
  try {
    generate(model, FixedGate::average(2), {&prompt, 1}, options(1, 0.0));
    FAIL() << "60 + 12 tokens fit into 64";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("context of 64 tokens, but are 60 + 12"));
  }
}

}  // namespace
}  // namespace routedk::decode
