/// A decoding step against a Llama in fp32 written out with tensors, in the emulator or on a GPU.
#include "routedk/kernels/cuda/decode_step.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/cuda/graph_launch.h"
#include "support/cuda_device.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kStepExperts = 3;

at::Tensor rounded_to_bf16(const at::Tensor& x) {
  return x.to(at::kBFloat16).to(at::kFloat);
}

/// One linear's weight and factors, in fp32 too.
struct TestLinear {
  std::shared_ptr<const Weight> weight;
  at::Tensor dense;  // [out,in]
  at::Tensor a, bt;  // [R,in], [R,out]
  std::vector<std::uint8_t> expert;

  TestLinear(std::int64_t out, std::int64_t in, bool adapted, StepFormat format)
      : weight(std::make_shared<const Weight>(random_weight(out, in, format))),
        dense(kernels::dequantize(*weight, at::kFloat).cpu()) {
    if (adapted) {
      a = at::randn({kStepExperts * 8, in}) * 0.05;
      bt = at::randn({kStepExperts * 8, out}) * 0.1;
      for (int r = 0; r < kStepExperts * 8; ++r) {
        expert.push_back(static_cast<std::uint8_t>(r / 8));
      }
    }
  }
  static Weight random_weight(std::int64_t out, std::int64_t in, StepFormat format) {
    const at::Tensor values =
        (at::randn({out, in}) / std::sqrt(static_cast<double>(in))).to(testing::cuda_device());
    return format == StepFormat::kNf4 ? Weight(Nf4::quantize(values, out % 3 != 0))
                                      : Weight(Dense{rounded_to_bf16(values)});
  }
  StepLinear view() const { return {weight.get(), a, bt, expert}; }
  /// x [n,in], alpha [n,K]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& alpha) const {
    const at::Tensor rounded = rounded_to_bf16(x);
    at::Tensor y = rounded.mm(dense.t());
    if (a.defined()) {
      const at::Tensor experts = at::tensor(std::vector<std::int64_t>(expert.begin(), expert.end()));
      y += (rounded.mm(rounded_to_bf16(a).t()) * alpha.index_select(1, experts)).mm(rounded_to_bf16(bt));
    }
    return y;
  }
};

struct TestLayer {
  at::Tensor attention_norm, mlp_norm;
  std::vector<TestLinear> linears;  // q k v o gate up down
};

class TestModel {
 public:
  TestModel(const StepShape& shape, StepFormat format) : shape_(shape), format_(format) {
    at::manual_seed(11);
    const std::int64_t q = shape.heads * shape.head_dim;
    const std::int64_t kv = shape.kv_heads * shape.head_dim;
    const std::int64_t d = shape.hidden;
    embedding_ = rounded_to_bf16(at::randn({shape.vocab, d}));
    head_ = rounded_to_bf16(at::randn({shape.vocab, d}) * 0.1);
    norm_ = at::rand({d}) + 0.5;
    frequencies_ =
        at::pow(10000.0, at::arange(shape.head_dim / 2) * (-2.0 / static_cast<double>(shape.head_dim)))
            .to(at::kFloat);
    for (std::int64_t l = 0; l < shape.layers; ++l) {
      const bool all = l % 2 == 0;
      layers_.push_back({at::rand({d}) + 0.5,
                         at::rand({d}) + 0.5,
                         {{q, d, true, format},
                          {kv, d, all, format},
                          {kv, d, true, format},
                          {d, q, all, format},
                          {shape.ffn, d, true, format},
                          {shape.ffn, d, all, format},
                          {d, shape.ffn, true, format}}});
    }
  }

  std::unique_ptr<DecodeStep> step() const {
    auto step = std::make_unique<DecodeStep>(shape_, format_, embedding_.to(testing::cuda_device()),
                                             head_.to(testing::cuda_device()), norm_, frequencies_);
    for (const TestLayer& layer : layers_) {
      const auto of = [&](std::size_t i) { return layer.linears[i].view(); };
      step->add_layer({layer.attention_norm,
                       layer.mlp_norm,
                       {{{of(0), of(1), of(2)}, {of(3)}, {of(4), of(5)}, {of(6)}}}});
    }
    return step;
  }

  at::Tensor normed(const at::Tensor& x, const at::Tensor& gain) const {
    return x / (x.pow(2).mean(1, true) + shape_.epsilon).sqrt() * gain;
  }
  /// x [n,heads,C] at positions [n]
  at::Tensor rotated(const at::Tensor& x, const at::Tensor& positions) const {
    const at::Tensor angles = at::outer(positions.to(at::kFloat), frequencies_).unsqueeze(1);
    const auto halves = x.chunk(2, 2);
    return at::cat({halves[0] * angles.cos() - halves[1] * angles.sin(),
                    halves[1] * angles.cos() + halves[0] * angles.sin()},
                   2);
  }
  /// Logits [n,V]; keys and values are added to `cache`.
  at::Tensor logits(const std::vector<DecodeStep::Row>& rows, const at::Tensor& alpha,
                    const KvCache& cache) const {
    std::vector<std::int64_t> tokens, positions, sequences;
    for (const auto& row : rows) {
      tokens.push_back(row.token);
      positions.push_back(row.position);
      sequences.push_back(row.alpha);
    }
    const auto n = static_cast<std::int64_t>(rows.size());
    const at::Tensor at_positions = at::tensor(positions);
    at::Tensor hidden = embedding_.index_select(0, at::tensor(tokens));
    for (std::int64_t l = 0; l < shape_.layers; ++l) {
      const TestLayer& layer = layers_[static_cast<std::size_t>(l)];
      const at::Tensor weights = alpha[l].index_select(0, at::tensor(sequences));
      const at::Tensor x = normed(hidden, layer.attention_norm);
      const auto heads = [&](std::size_t i) {
        return layer.linears[i].forward(x, weights).view({n, -1, shape_.head_dim});
      };
      const at::Tensor q = rotated(heads(0), at_positions);
      const at::Tensor k = rotated(heads(1), at_positions);
      const at::Tensor v = heads(2);
      at::Tensor seen = at::empty({n, shape_.heads * shape_.head_dim});
      for (std::int64_t i = 0; i < n; ++i) {
        seen[i] = attended(rows[static_cast<std::size_t>(i)], q[i], k[i], v[i], cache.layer(l));
      }
      hidden = hidden + layer.linears[3].forward(seen, weights);
      const at::Tensor y = normed(hidden, layer.mlp_norm);
      hidden = hidden + layer.linears[6].forward(at::silu(layer.linears[4].forward(y, weights)) *
                                                     layer.linears[5].forward(y, weights),
                                                 weights);
    }
    return rounded_to_bf16(normed(hidden, norm_)).mm(head_.t());
  }

 private:
  /// q [H,C], k and v [G,C] of a row, which are kept -> [H C]
  at::Tensor attended(const DecodeStep::Row& row, const at::Tensor& q, const at::Tensor& k,
                      const at::Tensor& v, const KvCache::Layer& held) const {
    const KvCache::Panels& own = held.branches;
    const KvCache::Panels& prompt = held.prompts[static_cast<std::size_t>(row.place.prompt)];
    const std::int64_t c = shape_.head_dim;
    const std::int64_t g = shape_.kv_heads;
    const auto own_of = [&](const at::Tensor& all) {
      return all[row.place.branch].view({g, -1, c}).narrow(1, 0, row.place.position + 1);
    };
    own_of(own.k).select(1, row.place.position).copy_(k);
    own_of(own.v).select(1, row.place.position).copy_(v);
    const auto all = [&](const at::Tensor& of_prompt, const at::Tensor& of_branch) {
      return at::cat({of_prompt.view({g, -1, c}), own_of(of_branch)}, 1)
          .to(at::kCPU, at::kFloat)
          .repeat_interleave(shape_.heads / g, 0);
    };
    const at::Tensor scores =
        at::bmm(all(prompt.k, own.k), q.unsqueeze(2)).squeeze(2) / std::sqrt(static_cast<double>(c));
    return at::bmm(at::softmax(scores, 1).unsqueeze(1), all(prompt.v, own.v)).view({-1});
  }

  StepShape shape_;
  StepFormat format_;
  at::Tensor embedding_, head_, norm_, frequencies_;
  std::vector<TestLayer> layers_;
};

/// Prompts of these lengths and branches, all filled with noise.
KvCache noisy_cache(const StepShape& shape, std::vector<std::int64_t> lengths, std::int64_t branches) {
  KvCache cache({shape.layers, shape.heads, shape.kv_heads, shape.head_dim}, std::move(lengths),
                at::TensorOptions(testing::cuda_device()).dtype(at::kBFloat16), CacheLayout::kTokens);
  cache.reserve(branches, 40);
  const auto fill = [](const KvCache::Panels& panels) {
    panels.k.copy_(at::randn(panels.k.sizes()));
    panels.v.copy_(at::randn(panels.v.sizes()));
  };
  for (std::int64_t l = 0; l < shape.layers; ++l) {
    fill(cache.layer(l).branches);
    for (const KvCache::Panels& prompt : cache.layer(l).prompts) {
      fill(prompt);
    }
  }
  return cache;
}

const StepShape kSmallLlama{2, 192, 6, 2, 64, 320, 100, kStepExperts, 1e-5};
const StepShape kWideHeads{2, 512, 4, 1, 128, 1024, 112, kStepExperts, 1e-5};

class DecodeStepTest : public testing::CudaKernels,
                       public ::testing::WithParamInterface<std::pair<StepShape, StepFormat>> {
 protected:
  void SetUp() override {
    testing::CudaKernels::SetUp();
    if (!IsSkipped()) {
      model_ = std::make_unique<TestModel>(shape(), GetParam().second);
      step_ = model_->step();
    }
  }
  static const StepShape& shape() { return GetParam().first; }
  void expect_right(const std::vector<DecodeStep::Row>& rows, std::vector<std::int64_t> lengths) {
    const KvCache cache = noisy_cache(shape(), std::move(lengths), 40);
    const at::Tensor alpha = at::rand({shape().layers, 3, kStepExperts});
    for (int again = 0; again < 3; ++again) {  // at once, recorded, replayed
      const auto output = step_->run(rows, alpha.to(testing::cuda_device()), cache);
      const at::Tensor found = output.logits.to(at::kCPU).clone();
      EXPECT_LT(testing::relative_error(found, model_->logits(rows, alpha, cache)), 1.5e-2);
    }
  }

  std::unique_ptr<TestModel> model_;
  std::unique_ptr<DecodeStep> step_;
};

TEST_P(DecodeStepTest, one_row_equals_the_model_in_fp32) {
  expect_right({{7, 150, 1, {0, 3, 0}}}, {150});
  expect_right({{9, 38, 2, {1, 0, 18}}}, {64, 20});
}

TEST_P(DecodeStepTest, rows_of_several_prompts_and_of_one_branch_equal_the_model) {
  std::vector<DecodeStep::Row> rows;
  for (std::int64_t i = 0; i < 5; ++i) {
    rows.push_back({i + 1, 70 + i, 0, {0, 4 - i, i}});
  }
  for (std::int64_t i = 0; i < 3; ++i) {  // a chunk of one branch
    rows.push_back({20 + i, 133 + i, 2, {2, 7, 3 + i}});
  }
  rows.push_back({50, 16, 1, {1, 9, 15}});
  expect_right(rows, {70, 1, 130});
}

TEST_P(DecodeStepTest, many_rows_equal_the_model) {
  std::vector<DecodeStep::Row> rows;
  for (std::int64_t i = 0; i < 33; ++i) {
    rows.push_back({i * 2, 90 + i % 4, i % 3, {0, i, i % 4}});
  }
  expect_right({rows.begin(), rows.begin() + 27}, {90});
  expect_right(rows, {90});
}

TEST_P(DecodeStepTest, a_row_does_not_depend_on_those_beside_it) {
  const KvCache cache = noisy_cache(shape(), {70, 20}, 8);
  const at::Tensor alpha = at::rand({shape().layers, 2, kStepExperts}).to(testing::cuda_device());
  const DecodeStep::Row row{5, 75, 1, {0, 2, 5}};
  const auto first =
      step_
          ->run(std::vector<DecodeStep::Row>{row, {6, 71, 0, {0, 3, 1}}, {8, 22, 0, {1, 4, 2}}}, alpha, cache)
          .logits[0]
          .cpu()
          .clone();
  const auto last = step_
                        ->run(
                            std::vector<DecodeStep::Row>{
                                {9, 21, 1, {1, 1, 1}}, {7, 73, 0, {0, 5, 3}}, {6, 70, 0, {0, 6, 0}}, row},
                            alpha, cache)
                        .logits[3]
                        .cpu()
                        .clone();
  testing::expect_equal(first, last);
}

#ifdef ROUTEDK_EMULATE_CUDA
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes) : before_(std::exchange(emulated_shared, bytes)) {}
  ~SharedMemory() { emulated_shared = before_; }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

 private:
  std::size_t before_;
};

TEST_P(DecodeStepTest, a_gpu_with_less_shared_memory_takes_fewer_rows_and_computes_them_right) {
  EXPECT_EQ(step_->most_rows(), 64);
  const bool needs_table = GetParam().second == StepFormat::kNf4;  // decode_product_formats.h
  {
    const SharedMemory less(99 << 10);  // compute capability 8.9
    const std::int64_t most = shape().head_dim == 64 && needs_table ? 32 : 64;
    EXPECT_EQ(step_->most_rows(), most);
    std::vector<DecodeStep::Row> rows;
    for (std::int64_t i = 0; i < 20; ++i) {
      rows.push_back({i, 30 + i % 4, i % 3, {0, i, i % 4}});
    }
    expect_right(rows, {30});
    expect_right({rows[0]}, {30});
  }
  const SharedMemory none(60 << 10);
  EXPECT_EQ(step_->most_rows(), needs_table ? 0 : 64);
}
#endif

INSTANTIATE_TEST_SUITE_P(Shapes, DecodeStepTest,
                         ::testing::Values(std::pair(kSmallLlama, StepFormat::kNf4),
                                           std::pair(kWideHeads, StepFormat::kNf4),
                                           std::pair(kSmallLlama, StepFormat::kBf16)));

}  // namespace
}  // namespace routedk::kernels::cuda
