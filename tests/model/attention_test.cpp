#include "routedk/model/attention.h"

#include <array>
#include <cmath>

#include "support/forward.h"
#include "support/gradient_check.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

/// Softmax over the tokens of the same sequence up to `t`, element by element, in double.
std::vector<double> naive(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t begin,
                          std::int64_t t, std::int64_t head) {
  const std::int64_t size = q.size(2);
  const std::int64_t shared = head / (q.size(1) / k.size(1));
  std::vector<double> out(static_cast<std::size_t>(size));
  double total = 0.0;
  for (std::int64_t u = begin; u <= t; ++u) {
    double score = 0.0;
    for (std::int64_t c = 0; c < size; ++c) {
      score += q[t][head][c].item<double>() * k[u][shared][c].item<double>();
    }
    const double weight = std::exp(score / std::sqrt(static_cast<double>(size)));
    total += weight;
    for (std::int64_t c = 0; c < size; ++c) {
      out[static_cast<std::size_t>(c)] += weight * v[u][shared][c].item<double>();
    }
  }
  for (double& value : out) {
    value /= total;
  }
  return out;
}

TEST(CausalAttention, equals_the_naive_sum_within_each_sequence_with_shared_key_heads) {
  const FlatBatch batch = testing::batch_of({{1, 2, 3, 4}, {5}, {6, 7, 8}});
  const auto some = [&](std::int64_t heads, double frequency) {
    return at::sin(at::arange(batch.tokens() * heads * 6, at::kFloat) * frequency)
        .view({batch.tokens(), heads, 6});
  };
  const at::Tensor q = some(4, 1.1);
  const at::Tensor k = some(2, 0.7);
  const at::Tensor v = some(2, 0.3);
  const at::Tensor found = causal_attention(batch)(0, q, k, v);
  for (std::int64_t t = 0; t < batch.tokens(); ++t) {
    const std::int64_t begin =
        batch.cu_seqlens[static_cast<std::size_t>(batch.seq_of_token[t].item<std::int64_t>())];
    for (std::int64_t head = 0; head < 4; ++head) {
      const std::vector<double> wanted = naive(q, k, v, begin, t, head);
      for (std::int64_t c = 0; c < 6; ++c) {
        EXPECT_NEAR(found[t][head][c].item<double>(), wanted[static_cast<std::size_t>(c)], 1e-5);
      }
    }
  }
}

TEST(CausalAttention, its_backward_agrees_with_finite_differences_in_queries_keys_and_values) {
  const FlatBatch batch = testing::batch_of({{1, 2, 3, 4, 5}, {6}, {7, 8, 9}});
  const auto some = [&](std::int64_t heads, double frequency) {
    return at::sin(at::arange(batch.tokens() * heads * 4, at::kDouble) * frequency)
        .view({batch.tokens(), heads, 4});
  };
  const std::array<at::Tensor, 3> inputs = {some(6, 1.1), some(2, 0.7), some(2, 0.3)};
  for (std::size_t varied = 0; varied < 3; ++varied) {
    const auto attend = [&](const at::Tensor& x) {
      std::array<at::Tensor, 3> at = inputs;
      at[varied] = x;
      return causal_attention(batch)(0, at[0], at[1], at[2]);
    };
    testing::expect_gradient(attend, inputs[varied], {1e-4, 1e-6, 80});
  }
}

}  // namespace
}  // namespace routedk::model
