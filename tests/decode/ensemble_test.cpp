#include "routedk/core/error.h"
#include "routedk/decode/decoder.h"

#include "core/temporary_folder.h"
#include "decode/small_models.h"
#include "support/expect_close.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using experts::EnsembleGate;
using experts::SingleExpertGate;
using testing::generate_options;
using testing::kEnd;

/// log of the mean of both experts' distributions [V] after prompt + suffix, all recomputed in doubles.
at::Tensor mean_logprobs(const experts::RoutedModel& model, const std::vector<std::int32_t>& prompt,
                         const std::vector<std::int32_t>& suffix) {
  at::Tensor sum;
  for (int expert = 0; expert < 2; ++expert) {
    const at::Tensor logits =
        testing::recomputed_logits(model, SingleExpertGate(expert, 2), prompt, suffix).to(at::kDouble);
    const at::Tensor p = at::softmax(logits, 0);
    sum = sum.defined() ? sum + p : p;
  }
  return (sum / 2).log();
}

TEST(Ensemble, greedy_decoding_takes_the_likeliest_token_of_the_mean_distribution) {
  const at::NoGradGuard no_grad;
  const auto model = testing::small_model(testing::tiny_config(), false);
  const Prompt prompt{{3, 9, 27, 11, 5}, 1};
  const auto generation = generate(model, EnsembleGate(2), {&prompt, 1}, generate_options(1, 0.0))[0];
  std::vector<std::int32_t> suffix;
  double logprob = 0.0;
  for (int t = 0; t < 12; ++t) {
    const at::Tensor logprobs = mean_logprobs(model, prompt.ids, suffix);
    const auto best = static_cast<std::int32_t>(logprobs.argmax().item<std::int64_t>());
    logprob += logprobs[best].item<double>();
    if (best == kEnd) {
      break;
    }
    suffix.push_back(best);
  }
  EXPECT_EQ(generation.candidates[0].ids, suffix);
  EXPECT_NEAR(generation.candidates[0].logprob, logprob, 1e-4);
  testing::expect_equal(generation.alpha, at::full({testing::tiny_config().layers, 2}, 0.5F));
}

TEST(Ensemble, samples_carry_the_log_probability_of_the_mean_distribution_and_differ_from_each_experts) {
  const at::NoGradGuard no_grad;
  const auto model = testing::small_model(testing::tiny_config(), false);
  const std::vector<Prompt> prompts = {{{3, 9, 27}, 1}, {{2, 4, 6, 8, 10}, 2}};
  const auto generations = generate(model, EnsembleGate(2), prompts, generate_options(4, 1.0));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    for (const Candidate& candidate : generations[p].candidates) {
      std::vector<std::int32_t> tokens = candidate.ids;
      if (candidate.finished) {
        tokens.push_back(kEnd);
      }
      double logprob = 0.0;
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        const std::vector<std::int32_t> before(tokens.begin(),
                                               tokens.begin() + static_cast<std::ptrdiff_t>(t));
        logprob += mean_logprobs(model, prompts[p].ids, before)[tokens[t]].item<double>();
      }
      EXPECT_NEAR(candidate.logprob, logprob, 1e-4);
    }
  }
}

TEST(Ensemble, a_prompt_gets_the_same_bits_alone_as_among_others_with_either_kernels) {
  const auto model = testing::small_model(testing::wide_config(), true);
  const std::vector<Prompt> prompts = {{{3, 9, 27, 11, 5, 6, 7}, 1}, {{2, 4}, 2}, {{30, 31, 32, 33}, 3}};
  for (const Kernels kernels : {Kernels::kReference, Kernels::kInt8}) {
    const Decoder decoder(model, kernels);
    GenerateOptions options = generate_options(3, 1.0);
    options.pool_hidden = true;
    const auto together = decoder.generate(EnsembleGate(2), prompts, options);
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const auto alone = decoder.generate(EnsembleGate(2), {&prompts[p], 1}, options)[0];
      for (std::size_t n = 0; n < alone.candidates.size(); ++n) {
        EXPECT_EQ(together[p].candidates[n].ids, alone.candidates[n].ids) << decoder.path();
        EXPECT_EQ(together[p].candidates[n].logprob, alone.candidates[n].logprob) << decoder.path();
        EXPECT_EQ(together[p].candidates[n].pooled.size(), alone.candidates[n].pooled.size());
      }
    }
  }
}

TEST(Ensemble, one_expert_is_its_own_ensemble) {
  const auto both = testing::small_model(testing::tiny_config(), false);
  const Prompt prompt{{4, 8, 15, 16}, 9};
  std::vector<Generation> found;
  auto bank = std::make_shared<experts::ExpertBank>(
      std::vector<std::shared_ptr<experts::Expert>>{std::make_shared<experts::Expert>(both.bank()[1])});
  bank->freeze(at::kFloat);
  const auto alone = both.with_bank(bank);
  const auto ensemble = generate(alone, EnsembleGate(1), {&prompt, 1}, generate_options(4, 0.7))[0];
  const auto expert = generate(alone, SingleExpertGate(0, 1), {&prompt, 1}, generate_options(4, 0.7))[0];
  for (std::size_t n = 0; n < 4; ++n) {
    EXPECT_EQ(ensemble.candidates[n].ids, expert.candidates[n].ids);
    EXPECT_EQ(ensemble.candidates[n].logprob, expert.candidates[n].logprob);
  }
}

TEST(Ensemble, a_single_pass_refuses_it) {
  const auto model = testing::small_model(testing::tiny_config(), false);
  const auto batch = model::FlatBatch::make({{1, 2, 3}}, {3});
  EXPECT_THAT(testing::message_of<ConfigError>([&] {
                model.forward({batch, EnsembleGate(2)});
              }),
              ::testing::HasSubstr("which only decoding can run"));
}

}  // namespace
}  // namespace routedk::decode
