/// Decoding by captured graphs against decoding on tensors, on a GPU.
#include "routedk/decode/decoder.h"
#include "routedk/kernels/gpu.h"

#include "decode/small_models.h"
#include <gtest/gtest.h>

namespace routedk::decode {
namespace {

model::LlamaConfig graph_config() {
  model::LlamaConfig c = testing::tiny_config();
  c.hidden = 256;
  c.head_dim = 64;
  c.heads = 6;
  c.kv_heads = 2;
  c.ffn = 512;
  c.vocab = 200;
  c.context = 512;
  return c;
}

class CudaEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kernels::gpu_count() == 0) {
      GTEST_SKIP() << "no GPU that this build can use";
    }
    const model::LlamaConfig config = graph_config();
    const model::LoadOptions load{model::Quant::kNf4, true, kernels::Precision::kBFloat16, at::kCUDA};
    auto backbone = std::make_shared<const model::Backbone>(model::Backbone::random(config, load, 7));
    std::vector<std::shared_ptr<experts::Expert>> experts;
    for (const char* name : {"a", "b"}) {
      experts.push_back(
          std::make_shared<experts::Expert>(name, config, experts::LoraOptions{.rank = 8, .alpha = 16.0}));
      experts.back()->initialise(1);
      const at::NoGradGuard no_grad;
      const auto count = experts.back()->parameters().size();
      experts.back()->parameters().values().add_(at::sin(at::arange(count, at::kFloat)), 0.02);
    }
    auto bank = std::make_shared<experts::ExpertBank>(experts);
    bank->freeze(*backbone);
    model_ = std::make_unique<experts::RoutedModel>(backbone, bank);
  }

  static std::vector<Prompt> prompts() {
    std::vector<Prompt> all = {{{}, 1}, {{2, 4}, 2}, {{}, 3}};
    for (int i = 0; i < 150; ++i) {
      all[0].ids.push_back(i % 190);
      all[2].ids.push_back(i * 7 % 190);
    }
    all[2].ids.resize(64);
    return all;
  }

  std::unique_ptr<experts::RoutedModel> model_;
};

TEST_F(CudaEngine, runs_graphs_where_the_model_fits) {
  EXPECT_EQ(Decoder(*model_, Kernels::kInt8).path(), "CUDA graphs, bfloat16");
  EXPECT_EQ(Decoder(*model_, Kernels::kReference).path(), "bfloat16");
}

/// The same tokens fed to both: log-probabilities of what the graphs drew, under the tensors.
TEST_F(CudaEngine, answers_have_the_log_probability_that_tensors_give_them) {
  const at::NoGradGuard no_grad;
  const experts::FixedGate gate({0.7F, 0.4F});
  const Decoder graphs(*model_, Kernels::kInt8);
  const auto all = prompts();
  const auto generations = graphs.generate(gate, all, testing::generate_options(3, 1.0, 40));
  for (std::size_t p = 0; p < all.size(); ++p) {
    for (const Candidate& candidate : generations[p].candidates) {
      std::vector<std::int32_t> ids = all[p].ids;
      ids.insert(ids.end(), candidate.ids.begin(), candidate.ids.end());
      const auto length = static_cast<std::int64_t>(all[p].ids.size());
      const auto batch = model::FlatBatch::make({ids}, {length}).to(at::kCUDA);
      const at::Tensor hidden = model_->forward({batch, gate}).hidden;
      const at::Tensor logprobs = at::log_softmax(model_->backbone().logits(hidden), 1).cpu();
      double sum = 0.0;
      for (std::size_t t = 0; t < candidate.ids.size(); ++t) {
        sum += logprobs[length - 1 + static_cast<std::int64_t>(t)][candidate.ids[t]].item<double>();
      }
      if (candidate.finished) {
        sum += logprobs[static_cast<std::int64_t>(ids.size()) - 1][testing::kEnd].item<double>();
      }
      EXPECT_NEAR(candidate.logprob, sum, 0.02 * static_cast<double>(candidate.ids.size() + 1))
          << "prompt " << p;
    }
  }
}

TEST_F(CudaEngine, samples_do_not_depend_on_how_many_passes_came_before) {
  const experts::FixedGate gate({0.7F, 0.4F});
  const Decoder graphs(*model_, Kernels::kInt8);
  const auto all = prompts();
  const auto options = testing::generate_options(4, 1.0, 30);
  const auto first = graphs.generate(gate, all, options);
  const auto second = graphs.generate(gate, all, options);
  for (std::size_t p = 0; p < all.size(); ++p) {
    for (std::size_t n = 0; n < 4; ++n) {
      EXPECT_EQ(first[p].candidates[n].ids, second[p].candidates[n].ids);
    }
  }
}

TEST_F(CudaEngine, more_than_64_rows_are_several_steps) {
  const experts::FixedGate gate({0.7F, 0.4F});
  const Decoder graphs(*model_, Kernels::kInt8);
  const auto all = prompts();
  const auto generations = graphs.generate(gate, all, testing::generate_options(30, 1.0, 12));
  for (const Generation& generation : generations) {
    EXPECT_EQ(generation.candidates.size(), 30U);
    for (const Candidate& candidate : generation.candidates) {
      EXPECT_TRUE(std::isfinite(candidate.logprob));
    }
  }
}

}  // namespace
}  // namespace routedk::decode
