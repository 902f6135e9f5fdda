#include "routedk/kernels/attention.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "support/expect_close.h"
#include "support/gradient_check.h"
#include "support/wave.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using Bounds = std::vector<std::int64_t>;

/// [S+1] of sequences of these lengths.
Bounds bounds_of(const std::vector<std::int64_t>& lengths) {
  Bounds bounds = {0};
  for (const std::int64_t length : lengths) {
    bounds.push_back(bounds.back() + length);
  }
  return bounds;
}

std::vector<Segment> segments_of(const Bounds& bounds) {
  std::vector<Segment> segments;
  for (std::size_t s = 0; s + 1 < bounds.size(); ++s) {
    segments.push_back({bounds[s], bounds[s + 1]});
  }
  return segments;
}

/// Softmax over the tokens of the same sequence up to `t`, element by element, in double.
std::vector<double> naive_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    std::int64_t begin, std::int64_t t, std::int64_t head) {
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
  const Bounds bounds = bounds_of({4, 1, 3});
  const auto some = [&](std::int64_t heads, double frequency) {
    return testing::wave({bounds.back(), heads, 6}, frequency);
  };
  const at::Tensor q = some(4, 1.1);
  const at::Tensor k = some(2, 0.7);
  const at::Tensor v = some(2, 0.3);
  const at::Tensor found = causal_attention(q, k, v, segments_of(bounds));
  for (std::int64_t t = 0; t < bounds.back(); ++t) {
    const std::int64_t begin = *(std::upper_bound(bounds.begin(), bounds.end(), t) - 1);
    for (std::int64_t head = 0; head < 4; ++head) {
      const std::vector<double> wanted = naive_attention(q, k, v, begin, t, head);
      for (std::int64_t c = 0; c < 6; ++c) {
        EXPECT_NEAR(found[t][head][c].item<double>(), wanted[static_cast<std::size_t>(c)], 1e-5);
      }
    }
  }
}

/// What a query sees and the gradients of queries, keys and values, of inputs in the type of `q`.
std::vector<at::Tensor> attended(const std::vector<Segment>& segments, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, at::ScalarType dtype,
                                 Precision precision = Precision::kFloat32) {
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& x : {q, k, v}) {
    inputs.push_back(x.to(dtype).clone().set_requires_grad(true));
  }
  const at::Tensor seen = causal_attention(inputs[0], inputs[1], inputs[2], segments, precision);
  torch::autograd::backward({testing::mixed_sum(seen)}, {});
  return {seen.detach(), inputs[0].grad(), inputs[1].grad(), inputs[2].grad()};
}

TEST(CausalAttention, float32_equals_double_around_blocks_of_queries_and_panels_of_keys) {
  for (const std::int64_t size : {64, 24, 100}) {
    for (const auto& lengths :
         std::vector<std::vector<std::int64_t>>{{1}, {31, 32, 33}, {47, 48, 49}, {5, 300}}) {
      const Bounds bounds = bounds_of(lengths);
      const auto some = [&](std::int64_t heads, double frequency) {
        return at::sin(at::arange(bounds.back() * heads * size, at::kDouble) * frequency)
            .view({bounds.back(), heads, size});
      };
      const at::Tensor q = some(6, 1.1) * 3;
      const at::Tensor k = some(2, 0.7);
      const at::Tensor v = some(2, 0.3);
      const auto exact = attended(segments_of(bounds), q, k, v, at::kDouble);
      const auto found = attended(segments_of(bounds), q, k, v, at::kFloat);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const double bound = 2e-5 * std::max(1.0, exact[i].abs().max().item<double>());
        SCOPED_TRACE(::testing::Message() << i << " of size " << size);
        testing::expect_close(found[i].to(at::kDouble), exact[i], {0.0, bound});
      }
    }
  }
}

TEST(CausalAttention, a_sequence_has_the_same_bits_whatever_stands_beside_it_and_however_many_threads_work) {
  const Bounds both = bounds_of({70, 101});
  const Bounds alone = bounds_of({101});
  const auto some = [&](std::int64_t heads, double frequency) {
    return testing::wave({171, heads, 64}, frequency);
  };
  const at::Tensor q = some(6, 1.1);
  const at::Tensor k = some(2, 0.7);
  const at::Tensor v = some(2, 0.3);
  const auto second = [](const at::Tensor& x) { return x.narrow(0, 70, 101); };
  const at::Tensor seen = causal_attention(q, k, v, segments_of(both));
  testing::expect_equal(second(seen), causal_attention(second(q), second(k), second(v), segments_of(alone)));
  const auto together = attended(segments_of(both), q, k, v, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one_thread = attended(segments_of(both), q, k, v, at::kFloat);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < together.size(); ++i) {
    SCOPED_TRACE(i);
    testing::expect_equal(together[i], one_thread[i]);
  }
}

/// Operands have 8 bits; of the gradient of queries and keys the difference of two near sums is left.
TEST(CausalAttention, bfloat16_is_near_double) {
  const std::vector<Segment> segments = {{0, 50}, {50, 351}};
  at::manual_seed(1);
  const auto some = [&](std::int64_t heads) { return at::randn({351, heads, 64}, at::kDouble); };
  const at::Tensor q = some(6);
  const at::Tensor k = some(2);
  const at::Tensor v = some(2);
  const auto exact = attended(segments, q, k, v, at::kDouble);
  const auto found = attended(segments, q, k, v, at::kFloat, Precision::kBFloat16);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_LT(((found[i].to(at::kDouble) - exact[i]).norm() / exact[i].norm()).item<double>(), 1e-2);
  }
}

/// A prompt of 50 tokens with answers of 3, 49 and 70, beside a sequence of 20 tokens.
const std::vector<Segment> kShared = {{0, 50}, {50, 70}, {70, 73, 0}, {73, 122, 0}, {122, 192, 0}};

/// The same with the prompt before each answer: which rows of the batch above each sequence has.
const std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>> kApart = {
    {{0, 50}, {70, 73}}, {{0, 50}, {73, 122}}, {{0, 50}, {122, 192}}, {{50, 70}}};

TEST(CausalAttention, answers_to_one_prompt_see_it_and_themselves_as_sequences_apart_do) {
  const auto some = [&](std::int64_t heads, double frequency) {
    return testing::wave({192, heads, 64}, frequency);
  };
  const std::array<at::Tensor, 3> inputs = {some(6, 1.1) * 3, some(2, 0.7), some(2, 0.3)};
  const at::Tensor above = some(6, 0.9);
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    std::array<at::Tensor, 3> together;
    std::array<at::Tensor, 3> alone;
    for (std::size_t i = 0; i < 3; ++i) {
      together[i] = inputs[i].to(dtype, false, true).set_requires_grad(true);
      alone[i] = inputs[i].to(dtype, false, true).set_requires_grad(true);
    }
    const at::Tensor seen = causal_attention(together[0], together[1], together[2], kShared);
    torch::autograd::backward({(seen * above.to(dtype)).sum()}, {});
    at::Tensor apart = at::zeros_like(seen);
    for (std::size_t s = 0; s < kApart.size(); ++s) {
      std::vector<at::Tensor> rows;
      for (const auto& [begin, end] : kApart[s]) {
        rows.push_back(at::arange(begin, end));
      }
      const at::Tensor of = at::cat(rows);
      const at::Tensor out = causal_attention(alone[0].index_select(0, of), alone[1].index_select(0, of),
                                              alone[2].index_select(0, of), {{0, of.numel()}});
      // the prompt's own rows count once
      const bool has_prompt_before = s > 0 && s < 3;
      const at::Tensor counted = has_prompt_before ? of.narrow(0, 50, of.numel() - 50) : of;
      apart = apart.index_add(0, counted, out.narrow(0, of.numel() - counted.numel(), counted.numel()));
    }
    torch::autograd::backward({(apart * above.to(dtype)).sum()}, {});
    testing::expect_close(seen.detach(), apart.detach(), {1e-5, 1e-5});
    for (std::size_t i = 0; i < 3; ++i) {
      SCOPED_TRACE(i);
      testing::expect_close(together[i].grad(), alone[i].grad(), {1e-4, 1e-4});
    }
  }
}

TEST(CausalAttention, a_parent_must_be_an_earlier_segment_without_one) {
  const at::Tensor x = at::zeros({3, 1, 4});
  EXPECT_THROW(causal_attention(x, x, x, {{0, 1, 0}, {1, 3}}), Error);
  EXPECT_THROW(causal_attention(x, x, x, {{0, 1}, {1, 2, 0}, {2, 3, 1}}), Error);
}

TEST(CausalAttention, its_backward_agrees_with_finite_differences_in_queries_keys_and_values) {
  const Bounds bounds = bounds_of({5, 1, 3});
  const auto some = [&](std::int64_t heads, double frequency) {
    return at::sin(at::arange(bounds.back() * heads * 4, at::kDouble) * frequency)
        .view({bounds.back(), heads, 4});
  };
  const std::array<at::Tensor, 3> inputs = {some(6, 1.1), some(2, 0.7), some(2, 0.3)};
  for (std::size_t varied = 0; varied < 3; ++varied) {
    const auto attend = [&](const at::Tensor& x) {
      std::array<at::Tensor, 3> at = inputs;
      at[varied] = x;
      return causal_attention(at[0], at[1], at[2], segments_of(bounds));
    };
    testing::expect_gradient(attend, inputs[varied], {1e-4, 1e-6, 80});
  }
}

}  // namespace
}  // namespace routedk::kernels
