#include "routedk/decode/decoder.h"

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include "support/ggml_gguf.h"
#include "support/wide_llama.h"
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

using Alphas = std::vector<std::array<float, 4>>;

/// Each sequence its own weights, the same in all layers.
class GivenGate : public experts::Gate {
 public:
  explicit GivenGate(const Alphas& alphas) : alpha_(at::empty({std::ssize(alphas), 4}, at::kFloat)) {
    for (std::int64_t s = 0; s < std::ssize(alphas); ++s) {
      for (std::int64_t k = 0; k < 4; ++k) {
        alpha_[s][k] = alphas[static_cast<std::size_t>(s)][static_cast<std::size_t>(k)];
      }
    }
  }
  experts::GateRows rows(std::int64_t, const at::Tensor&, const model::FlatBatch&) const override {
    return {alpha_, {}};
  }

 private:
  at::Tensor alpha_;  // [S,4]
};

/// Experts of 32, 16, 16 and 48 ranks with their padding: two blocks of B.
experts::RoutedModel with_experts(
    std::shared_ptr<const model::Backbone> backbone,
    const std::vector<model::Linear>& targets_of_second = model::all_linears()) {
  const at::NoGradGuard no_grad;
  const model::LlamaConfig& config = backbone->config();
  std::vector<std::shared_ptr<experts::Expert>> all;
  for (const std::int64_t rank : {20, 2, 16, 40}) {
    experts::LoraOptions lora;
    lora.rank = rank;
    if (rank == 2) {
      lora.targets = targets_of_second;
    }
    all.push_back(std::make_shared<experts::Expert>("rank" + std::to_string(rank), config, lora));
    all.back()->initialise(static_cast<std::uint64_t>(rank));
    auto& values = all.back()->parameters().values();
    values.add_(at::sin(at::arange(values.numel(), at::kFloat)), 0.03);
  }
  auto bank = std::make_shared<experts::ExpertBank>(all);
  bank->freeze(at::kFloat);
  return {std::move(backbone), bank};
}

/// NF4 linears, all with biases; the second expert adapts two of seven.
experts::RoutedModel make_model() {
  model::LlamaConfig config = testing::wide_config();
  config.attention_bias = true;
  config.mlp_bias = true;
  return with_experts(std::make_shared<const model::Backbone>(
                          model::Backbone::random(config, {.quant = model::Quant::kNf4}, 7)),
                      {model::Linear::kV, model::Linear::kDown});
}

/// Every type of ggml's blocks, and dense matrices that become NF4; of linears with one input each its own
/// type. Rows are whole blocks of K types.
std::shared_ptr<const model::Backbone> backbone_in_blocks() {
  using Type = io::GgmlType;
  model::LlamaConfig config = testing::tiny_config();
  config.hidden = 256;
  config.head_dim = 64;
  config.ffn = 512;
  config.vocab = 200;
  config.context = 256;
  testing::GgufWriter gguf = testing::tiny_llama(config);
  const auto put = [&](const std::string& name, Type type, std::int64_t out, std::int64_t in) {
    testing::put_blocks(gguf, name, type, out, in);
  };
  put("blk.0.attn_q.weight", Type::kQ4_K, 256, 256);
  put("blk.0.attn_k.weight", Type::kQ5_K, 128, 256);
  put("blk.0.attn_v.weight", Type::kQ6_K, 128, 256);
  put("blk.0.attn_output.weight", Type::kQ5_0, 256, 256);
  put("blk.0.ffn_gate.weight", Type::kQ4_0, 512, 256);
  put("blk.0.ffn_down.weight", Type::kQ8_0, 256, 512);
  put("blk.1.attn_q.weight", Type::kQ4_1, 256, 256);
  put("blk.1.ffn_gate.weight", Type::kQ5_1, 512, 256);
  put("token_embd.weight", Type::kQ4_0, 200, 256);
  put("output.weight", Type::kQ6_K, 200, 256);
  const testing::TemporaryFolder folder;
  gguf.save(folder / "blocks.gguf");
  return std::make_shared<const model::Backbone>(model::Backbone::load(folder / "blocks.gguf", {}));
}

std::vector<std::int32_t> tokens(std::int64_t count, std::int32_t first) {
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < count; ++i) {
    ids.push_back((first + 37 * i) % 200);
  }
  return ids;
}

/// Final hidden states [T,D] of whole prompts, each with its own weights of experts.
at::Tensor hidden(const Decoder& decoder, const std::vector<std::vector<std::int32_t>>& prompts,
                  const Alphas& alphas) {
  const at::NoGradGuard no_grad;
  std::vector<std::int64_t> lengths;
  std::vector<kernels::CacheRow> rows;
  for (std::int64_t s = 0; s < std::ssize(prompts); ++s) {
    lengths.push_back(std::ssize(prompts[static_cast<std::size_t>(s)]));
    for (std::int64_t t = 0; t < lengths.back(); ++t) {
      rows.push_back({s, kernels::CacheRow::kPrompt, t});
    }
  }
  auto cache = decoder.make_cache(lengths);
  return decoder.forward(model::FlatBatch::make(prompts, lengths), GivenGate(alphas), rows, cache).hidden;
}

/// Ranges of experts with one of no weight between them, one alone, all, and none.
const Alphas kAlphas = {{1.0F, 0.0F, 0.5F, 0.0F}, {0.0F, 0.0F, 0.0F, 1.0F}, {0.1F, 0.2F, 0.3F, 0.4F}, {}};

class Int8ModelRows : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Int8ModelRows, any_experts_and_biases_stay_near_the_reference) {
  const auto model = make_model();
  const Decoder reference(model, Kernels::kReference);
  const Decoder fast(model, Kernels::kInt8);
  const auto ids = tokens(GetParam(), 3);
  const at::Tensor plain = hidden(reference, {ids}, {kAlphas[3]});
  for (const auto& alpha : kAlphas) {
    const at::Tensor exact = hidden(reference, {ids}, {alpha});
    const at::Tensor got = hidden(fast, {ids}, {alpha});
    EXPECT_LT(((got - exact).norm() / exact.norm()).item<double>(), 0.03);
    EXPECT_TRUE(&alpha == &kAlphas[3] || ((exact - plain).norm() / plain.norm()).item<double>() > 0.1);
  }
}

TEST_P(Int8ModelRows, blocks_of_any_types_beside_each_other_stay_near_the_reference) {
  const auto model = with_experts(backbone_in_blocks());
  const Decoder reference(model, Kernels::kReference);
  const Decoder fast(model, Kernels::kInt8);
  EXPECT_TRUE(fast.path().starts_with("int8"));
  const auto ids = tokens(GetParam(), 3);
  const at::Tensor exact = hidden(reference, {ids}, {kAlphas[2]});
  const at::Tensor got = hidden(fast, {ids}, {kAlphas[2]});
  EXPECT_LT(((got - exact).norm() / exact.norm()).item<double>(), 0.03);
  const at::Tensor logits = reference.logits(exact);
  EXPECT_LT(((fast.logits(exact) - logits).norm() / logits.norm()).item<double>(), 0.01);
}

TEST_P(Int8ModelRows, a_sequences_bits_are_the_same_alone_and_beside_others_with_other_experts) {
  const auto model = make_model();
  const Decoder fast(model, Kernels::kInt8);
  std::vector<std::vector<std::int32_t>> prompts;
  for (std::int32_t s = 0; s < 4; ++s) {
    prompts.push_back(tokens(GetParam() + s, 5 * s));
  }
  const at::Tensor together = hidden(fast, prompts, kAlphas);
  std::int64_t first = 0;
  for (std::size_t s = 0; s < 4; ++s) {
    const at::Tensor alone = hidden(fast, {prompts[s]}, {kAlphas[s]});
    SCOPED_TRACE(s);
    testing::expect_equal(together.narrow(0, first, alone.size(0)), alone);
    first += alone.size(0);
  }
}

/// Few rows alone and together; few alone but many together; many.
INSTANTIATE_TEST_SUITE_P(Rows, Int8ModelRows, ::testing::Values(2, 9, 70));

}  // namespace
}  // namespace routedk::decode
