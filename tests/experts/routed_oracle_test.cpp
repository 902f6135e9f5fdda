#include "routedk/experts/routed_model.h"
#include "routedk/experts/router.h"

#include <cmath>

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using model::Linear;
using testing::expect_close;
using testing::tiny_config;

at::Tensor exact(const at::Tensor& tensor) {
  return tensor.detach().to(at::kDouble);
}

/// The method as METHOD's formulas say it, in fp64, one sequence at a time, without bank, gate or batch.
class NaiveRouted {
 public:
  NaiveRouted(const model::Backbone& backbone, std::vector<std::shared_ptr<Expert>> experts,
              const RouterGate& router)
      : backbone_(backbone), experts_(std::move(experts)), router_(router) {}

  struct Result {
    at::Tensor logits;               // [T,V]
    std::vector<at::Tensor> alphas;  // [L] of [K]
  };

  /// Alpha from the first `prompt` tokens, or as given.
  Result operator()(const std::vector<std::int32_t>& ids, std::int64_t prompt,
                    const std::vector<at::Tensor>& frozen = {}) const {
    at::Tensor x = stored("token_embd.weight", {config_.vocab, config_.hidden}, 0.0, 0.3)
                       .index_select(0, at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end())));
    Result result;
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      const auto l = static_cast<std::size_t>(layer);
      result.alphas.push_back(frozen.empty() ? alpha(layer, x, prompt) : frozen[l]);
      const model::Layer& weights = backbone_.layers()[l];
      const Site site{layer, result.alphas.back()};
      x = x + attention(site, norm(x, exact(weights.attention_norm)));
      x = x + mlp(site, norm(x, exact(weights.mlp_norm)));
    }
    const at::Tensor last = norm(x, stored("output_norm.weight", {config_.hidden}, 1.0, 0.2));
    result.logits = at::mm(last, stored("output.weight", {config_.vocab, config_.hidden}, 0.0, 0.3).t());
    return result;
  }

 private:
  struct Site {
    std::int64_t layer;
    at::Tensor alpha;  // [K]
  };

  static at::Tensor stored(const std::string& name, const std::vector<std::int64_t>& shape, double middle,
                           double spread) {
    const std::int64_t count = shape.size() == 1 ? shape[0] : shape[0] * shape[1];
    return exact(at::tensor(testing::tiny_values(name, count, middle, spread))).view(shape);
  }

  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const {
    return x / at::sqrt(x.square().mean(-1, true) + config_.rms_eps) * weight;
  }

  /// softmax(W AvgPool(H) + b)
  at::Tensor alpha(std::int64_t layer, const at::Tensor& x, std::int64_t prompt) const {
    const at::Tensor z = x.narrow(0, 0, prompt).mean(0);  // [D]
    return at::softmax(at::mv(exact(router_.weight(layer)), z) + exact(router_.bias(layer)), 0);
  }

  /// y = W x + sum_i alpha_i s_i B_i A_i x
  at::Tensor linear(const Site& site, Linear which, const at::Tensor& x) const {
    at::Tensor y = at::mm(
        x, exact(kernels::dequantize(backbone_.layers()[static_cast<std::size_t>(site.layer)][which].weight(),
                                     at::kFloat))
               .t());
    for (std::size_t i = 0; i < experts_.size(); ++i) {
      const LoraFactors& f = experts_[i]->factors(site.layer, which);
      if (f.a.defined()) {
        const LoraSize& size = experts_[i]->plan().at(site.layer, which);
        const auto r = static_cast<double>(size.rank);
        const double s = size.alpha / (experts_[i]->plan().rank_stabilised ? std::sqrt(r) : r);
        y = y + site.alpha[static_cast<std::int64_t>(i)] * s * at::mm(at::mm(x, exact(f.a).t()), exact(f.bt));
      }
    }
    return y;
  }

  /// x [T,C] of one head, each pair (i, i + C/2) turned by t * theta^(-2i/C).
  at::Tensor turned(const at::Tensor& x) const {
    at::Tensor y = x.clone();
    const std::int64_t half = config_.head_dim / 2;
    for (std::int64_t t = 0; t < x.size(0); ++t) {
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle =
            static_cast<double>(t) *
            std::pow(config_.rope_theta, -static_cast<double>(i) / static_cast<double>(half));
        const double a = x[t][i].item<double>();
        const double b = x[t][i + half].item<double>();
        y[t][i] = a * std::cos(angle) - b * std::sin(angle);
        y[t][i + half] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
    return y;
  }

  at::Tensor attention(const Site& site, const at::Tensor& x) const {
    const std::int64_t size = config_.head_dim;
    const at::Tensor q = linear(site, Linear::kQ, x);
    const at::Tensor k = linear(site, Linear::kK, x);
    const at::Tensor v = linear(site, Linear::kV, x);
    const at::Tensor hidden_from = at::ones({x.size(0), x.size(0)}, at::kBool).triu(1);
    std::vector<at::Tensor> heads;
    for (std::int64_t head = 0; head < config_.heads; ++head) {
      const std::int64_t shared = head / (config_.heads / config_.kv_heads);
      const at::Tensor scores =
          at::mm(turned(q.narrow(1, head * size, size)), turned(k.narrow(1, shared * size, size)).t()) /
          std::sqrt(static_cast<double>(size));
      const at::Tensor shares = at::softmax(scores.masked_fill(hidden_from, -1e300), -1);  // [T,T]
      heads.push_back(at::mm(shares, v.narrow(1, shared * size, size)));
    }
    return linear(site, Linear::kO, at::cat(heads, 1));
  }

  at::Tensor mlp(const Site& site, const at::Tensor& x) const {
    const at::Tensor gate = linear(site, Linear::kGate, x);
    return linear(site, Linear::kDown, gate * at::sigmoid(gate) * linear(site, Linear::kUp, x));
  }

  const model::LlamaConfig config_ = tiny_config();
  const model::Backbone& backbone_;
  std::vector<std::shared_ptr<Expert>> experts_;
  const RouterGate& router_;
};

class RoutedOracle : public ::testing::Test {
 protected:
  RoutedOracle() : router_(tiny_config().layers, tiny_config().hidden, 3) {
    testing::tiny_llama().save(folder_ / "tiny.gguf");
    backbone_ = std::make_shared<const model::Backbone>(
        model::Backbone::load(folder_ / "tiny.gguf", testing::dense()));
    const at::NoGradGuard no_grad;
    router_.parameters().values().copy_(at::cos(at::arange(router_.parameters().size(), at::kFloat) * 1.3));
  }

  /// Logits [T,V] and rows of one sequence.
  std::pair<at::Tensor, std::vector<GateRows>> routed(const std::vector<std::int32_t>& ids,
                                                      std::int64_t prompt, const Gate& gate) const {
    const at::NoGradGuard no_grad;
    const RoutedModel model(backbone_, testing::tiny_bank());
    const auto batch = model::FlatBatch::make({ids}, {prompt});
    RoutedOutput output = model.forward({batch, gate});
    return {backbone_->logits(output.hidden), std::move(output.rows)};
  }

  NaiveRouted oracle() const { return {*backbone_, testing::tiny_experts(), router_}; }

  const std::vector<std::int32_t> prompt_ = {7, 21, 3, 38, 14};
  const std::vector<std::int32_t> whole_ = {7, 21, 3, 38, 14, 2, 30, 9};
  testing::TemporaryFolder folder_;
  std::shared_ptr<const model::Backbone> backbone_;
  RouterGate router_;
};

TEST_F(RoutedOracle, alphas_and_prompt_logits_equal_the_naive_method) {
  const NaiveRouted::Result wanted = oracle()(prompt_, 5);
  const auto [logits, rows] = routed(prompt_, 5, router_);
  expect_close(logits.to(at::kDouble), wanted.logits, {0.0, 1e-4});
  for (std::size_t layer = 0; layer < 2; ++layer) {
    expect_close(rows[layer].alpha[0].to(at::kDouble), wanted.alphas[layer], {0.0, 1e-5});
    EXPECT_GT((wanted.alphas[layer] - 1.0 / 3).abs().max().item<double>(), 0.05);
  }
}

TEST_F(RoutedOracle, a_continuation_under_frozen_alpha_equals_the_naive_method) {
  const NaiveRouted::Result prompt = oracle()(prompt_, 5);
  const at::Tensor wanted = oracle()(whole_, 8, prompt.alphas).logits;
  const auto rows = routed(prompt_, 5, router_).second;
  expect_close(routed(whole_, 5, FrozenGate(rows)).first.to(at::kDouble), wanted, {0.0, 1e-4});
  expect_close(routed(whole_, 5, router_).first.to(at::kDouble), wanted, {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(routed(whole_, 8, router_).first, wanted), 1e-2);
}

}  // namespace
}  // namespace routedk::experts
