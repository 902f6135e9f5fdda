#include "routedk/experts/ties.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/routed_model.h"

#include <algorithm>
#include <cmath>

#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::expect_close;
using testing::tiny_config;

using Numbers = std::vector<double>;

/// TIES by loops over sorted numbers.
Numbers naive_ties(const std::vector<Numbers>& deltas, double density) {
  const std::size_t n = deltas[0].size();
  std::vector<Numbers> kept = deltas;
  for (Numbers& delta : kept) {
    Numbers magnitudes = delta;
    std::transform(magnitudes.begin(), magnitudes.end(), magnitudes.begin(),
                   [](double x) { return std::abs(x); });
    std::sort(magnitudes.rbegin(), magnitudes.rend());
    const auto k = static_cast<std::size_t>(std::floor(density * static_cast<double>(n)));
    for (double& x : delta) {
      x = k > 0 && std::abs(x) >= magnitudes[k - 1] ? x : 0.0;
    }
  }
  Numbers merged(n);
  for (std::size_t j = 0; j < n; ++j) {
    double sum = 0.0;
    for (const Numbers& delta : kept) {
      sum += delta[j];
    }
    double total = 0.0;
    int count = 0;
    for (const Numbers& delta : kept) {
      if (delta[j] != 0.0 && (delta[j] > 0.0) == (sum >= 0.0)) {
        total += delta[j];
        ++count;
      }
    }
    merged[j] = count == 0 ? 0.0 : total / count;
  }
  return merged;
}

Numbers numbers_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous().view(-1);
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

at::Tensor dense(const ExpertBank& bank, std::int64_t expert, std::int64_t layer, model::Linear linear) {
  std::vector<double> one_hot(static_cast<std::size_t>(bank.size()));
  one_hot[static_cast<std::size_t>(expert)] = 1.0;
  return testing::dense_delta(bank, one_hot, layer, linear);
}

class TiesDensity : public ::testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(Densities, TiesDensity, ::testing::Values(0.0, 0.2, 0.5, 0.77, 1.0));

TEST_P(TiesDensity, exact_deltas_equal_ties_by_loops) {
  const auto bank = testing::tiny_bank();
  const Expert merged = ties_deltas(*bank, tiny_config(), GetParam(), {});
  merged.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& factors) {
    std::vector<Numbers> deltas;
    for (std::int64_t i = 0; i < bank->size(); ++i) {
      deltas.push_back(numbers_of(dense(*bank, i, layer, linear)));
    }
    const Numbers wanted = naive_ties(deltas, GetParam());
    const Numbers found = numbers_of(dense_delta(factors));
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      ASSERT_NEAR(found[j], wanted[j], 1e-6) << layer << ' ' << model::linear_module(linear) << ' ' << j;
    }
  });
}

TEST(Ties, a_tie_between_signs_counts_as_plus_and_zeros_never_agree) {
  const at::Tensor merged = ties_merge(
      {at::tensor({1.0F, -2.0F, 0.0F, 3.0F}), at::tensor({-1.0F, -4.0F, 5.0F, -1.0F})}, {1.0, 1.0}, 1.0);
  testing::expect_equal(merged, at::tensor({1.0F, -3.0F, 5.0F, 3.0F}));
}

TEST(Ties, the_number_kept_is_rounded_down) {
  const at::Tensor five = at::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F});
  testing::expect_equal(ties_merge({five}, {1.0}, 0.59), at::tensor({0.0F, 0.0F, 0.0F, 4.0F, 5.0F}));
}

TEST(Ties, a_refactored_merge_is_the_best_of_its_rank) {
  const auto bank = testing::tiny_bank();
  const Expert exact = ties_deltas(*bank, tiny_config(), 0.5, {});
  for (const std::int64_t rank : {1, 3, 1000}) {
    const Expert low = ties_deltas(*bank, tiny_config(), 0.5, rank);
    low.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& factors) {
      const at::Tensor delta = dense_delta(exact.factors(layer, linear)).to(at::kDouble);
      const at::Tensor values = at::linalg_svdvals(delta);
      const double error = (delta - dense_delta(factors)).norm().item<double>();
      const std::int64_t size = values.size(0);
      const double wanted = rank >= size ? 0.0 : values.narrow(0, rank, size - rank).norm().item<double>();
      EXPECT_NEAR(error, wanted, 1e-4 * (1.0 + wanted));
      EXPECT_EQ(factors.a.size(0), std::min(rank, size));
    });
  }
}

TEST(Ties, linears_that_nobody_adapts_stay_alone) {
  const auto expert = testing::tiny_expert("one", {2, 4.0, false, {model::Linear::kV}});
  const ExpertBank bank({expert});
  EXPECT_FALSE(ties_deltas(bank, tiny_config(), 0.5, {}).factors(0, model::Linear::kQ).a.defined());
  EXPECT_TRUE(ties_deltas(bank, tiny_config(), 0.5, {}).factors(1, model::Linear::kV).a.defined());
}

TEST(Ties, densities_and_ranks_beyond_their_ranges_and_mixed_ranks_are_refused) {
  const auto bank = testing::tiny_bank();
  EXPECT_THROW(ties_deltas(*bank, tiny_config(), -0.1, {}), ConfigError);
  EXPECT_THROW(ties_deltas(*bank, tiny_config(), 1.1, {}), ConfigError);
  EXPECT_THROW(ties_deltas(*bank, tiny_config(), std::nan(""), {}), ConfigError);
  EXPECT_THROW(ties_deltas(*bank, tiny_config(), 0.5, 0), ConfigError);
  EXPECT_THROW(ties_factors(*bank, tiny_config(), 0.5), ConfigError);
}

/// make_peft_patterns.py: one, two and three merged with density 0.4.
class TiesOfPeft : public ::testing::Test {
 protected:
  TiesOfPeft() : backbone_(load_backbone()), bank_(load_bank()) {}

  at::Tensor logits(Expert merged) const {
    const at::NoGradGuard no_grad;
    std::vector<std::shared_ptr<Expert>> experts = {std::make_shared<Expert>(std::move(merged))};
    const RoutedModel model(backbone_, std::make_shared<ExpertBank>(experts));
    const model::FlatBatch batch = testing::batch_of({testing::ids_of(golden_["ids"])});
    const SingleExpertGate gate(0, 1);
    const at::Tensor hidden = model.forward({batch, gate}).hidden;
    return backbone_->logits(hidden);
  }
  at::Tensor golden(const std::string& name) const { return golden_[name + ".logits"]; }
  const model::LlamaConfig& config() const { return backbone_->config(); }

 private:
  static std::shared_ptr<const model::Backbone> load_backbone() {
    return std::make_shared<const model::Backbone>(
        model::Backbone::load(testing::golden_path("tiny_llama.gguf"), testing::dense()));
  }
  ExpertBank load_bank() const {
    std::vector<std::shared_ptr<Expert>> experts;
    for (const std::string name : {"one", "two", "three"}) {
      experts.push_back(
          std::make_shared<Expert>(load_peft(testing::golden_path("tiny_peft") / name, name, config())));
    }
    return ExpertBank(std::move(experts));
  }

  testing::Golden golden_{"tiny_peft.safetensors"};
  std::shared_ptr<const model::Backbone> backbone_;

 protected:
  ExpertBank bank_;
};

TEST_F(TiesOfPeft, deltas_give_the_logits_of_pefts_ties_on_full_deltas) {
  const at::Tensor found = logits(ties_deltas(bank_, config(), 0.4, {}));
  expect_close(found, golden("ties_exact"), {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(found, golden("ties")), 0.1);
}

TEST_F(TiesOfPeft, refactored_deltas_give_the_logits_of_ties_svd) {
  expect_close(logits(ties_deltas(bank_, config(), 0.4, 2)), golden("ties_svd"), {0.0, 1e-4});
}

TEST_F(TiesOfPeft, factors_give_the_logits_of_add_weighted_adapter) {
  expect_close(logits(ties_factors(bank_, config(), 0.4)), golden("ties"), {0.0, 1e-4});
}

}  // namespace
}  // namespace routedk::experts
