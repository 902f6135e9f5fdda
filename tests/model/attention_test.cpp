#include "routedk/kernels/attention.h"

#include <array>
#include <cmath>

#include "support/expect_close.h"
#include "support/forward.h"
#include "support/gradient_check.h"
#include <ATen/Parallel.h>
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

/// What a query sees and the gradients of queries, keys and values, of inputs in the type of `q`.
std::vector<at::Tensor> attended(const FlatBatch& batch, const at::Tensor& q, const at::Tensor& k,
                                 const at::Tensor& v, at::ScalarType dtype) {
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& x : {q, k, v}) {
    inputs.push_back(x.to(dtype).clone().set_requires_grad(true));
  }
  const at::Tensor seen = causal_attention(batch)(0, inputs[0], inputs[1], inputs[2]);
  torch::autograd::backward({testing::mixed_sum(seen)}, {});
  return {seen.detach(), inputs[0].grad(), inputs[1].grad(), inputs[2].grad()};
}

TEST(CausalAttention, float32_equals_double_around_blocks_of_queries_and_panels_of_keys) {
  for (const std::int64_t size : {64, 24, 100}) {
    for (const auto& lengths :
         std::vector<std::vector<std::size_t>>{{1}, {31, 32, 33}, {47, 48, 49}, {5, 300}}) {
      testing::Sequences sequences;
      for (const std::size_t length : lengths) {
        sequences.emplace_back(length, 7);
      }
      const FlatBatch batch = testing::batch_of(sequences);
      const auto some = [&](std::int64_t heads, double frequency) {
        return at::sin(at::arange(batch.tokens() * heads * size, at::kDouble) * frequency)
            .view({batch.tokens(), heads, size});
      };
      const at::Tensor q = some(6, 1.1) * 3;
      const at::Tensor k = some(2, 0.7);
      const at::Tensor v = some(2, 0.3);
      const auto exact = attended(batch, q, k, v, at::kDouble);
      const auto found = attended(batch, q, k, v, at::kFloat);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const double bound = 2e-5 * std::max(1.0, exact[i].abs().max().item<double>());
        SCOPED_TRACE(::testing::Message() << i << " of size " << size);
        testing::expect_close(found[i].to(at::kDouble), exact[i], {0.0, bound});
      }
    }
  }
}

TEST(CausalAttention, a_sequence_has_the_same_bits_whatever_stands_beside_it_and_however_many_threads_work) {
  const FlatBatch both =
      testing::batch_of({std::vector<std::int32_t>(70, 1), std::vector<std::int32_t>(101, 2)});
  const FlatBatch alone = testing::batch_of({std::vector<std::int32_t>(101, 2)});
  const auto some = [&](std::int64_t heads, double frequency) {
    return at::sin(at::arange(171 * heads * 64, at::kFloat) * frequency).view({171, heads, 64});
  };
  const at::Tensor q = some(6, 1.1);
  const at::Tensor k = some(2, 0.7);
  const at::Tensor v = some(2, 0.3);
  const auto second = [](const at::Tensor& x) { return x.narrow(0, 70, 101); };
  const at::Tensor seen = causal_attention(both)(0, q, k, v);
  testing::expect_equal(second(seen), causal_attention(alone)(0, second(q), second(k), second(v)));
  const auto together = attended(both, q, k, v, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one_thread = attended(both, q, k, v, at::kFloat);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < together.size(); ++i) {
    SCOPED_TRACE(i);
    testing::expect_equal(together[i], one_thread[i]);
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
