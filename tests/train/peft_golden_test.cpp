/// Ten training steps on the real model against transformers + PEFT + torch (tests/goldens/make_training.py).
#include "routedk/io/safetensors.h"
#include "routedk/quant/tensor_view.h"
#include "routedk/train/group_trainer.h"

#include <cmath>
#include <filesystem>

#include "support/expect_close.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

const std::filesystem::path kSource = ROUTEDK_SOURCE_DIR;

Example golden_example(const io::SafetensorsFile& golden, int index) {
  const std::string name = std::to_string(index);
  const at::Tensor ids = quant::to_tensor(golden.at(name + ".ids")).to(at::kInt);
  const auto prompt = quant::to_tensor(golden.at(name + ".prompt_length")).item<std::int64_t>();
  const auto* data = ids.const_data_ptr<std::int32_t>();
  return {{data, data + prompt}, {data + prompt, data + ids.numel()}, 0, static_cast<std::uint64_t>(index)};
}

/// A[i,j] = 0.01 sin(0.37 i + 0.011 j + layer), B = 0.
void set_factors(experts::Expert& expert) {
  for (std::int64_t layer = 0; layer < expert.layers(); ++layer) {
    for (int kind = 0; kind < model::kLinears; ++kind) {
      const at::Tensor& a = expert.factors(layer, static_cast<model::Linear>(kind)).a;
      const at::Tensor i = at::arange(a.size(0), at::kDouble).unsqueeze(1);
      const at::Tensor j = at::arange(a.size(1), at::kDouble).unsqueeze(0);
      a.copy_(0.01 * at::sin(0.37 * i + 0.011 * j + layer));
    }
  }
}

void expect_gradients(const experts::Expert& expert, const io::SafetensorsFile& golden, int step) {
  for (const int layer : {0, 29}) {
    for (const auto& [linear, name] :
         {std::pair(model::Linear::kQ, "q_proj"), {model::Linear::kDown, "down_proj"}}) {
      const experts::LoraFactors& factors = expert.factors(layer, linear);
      const std::string key = fmt::format("{}.{}.grad_{}", layer, name, step == 0 ? "B" : "A");
      const at::Tensor found = step == 0 ? factors.bt.grad().t() : factors.a.grad();
      const at::Tensor wanted = quant::to_tensor(golden.at(key));
      SCOPED_TRACE(key);
      testing::expect_close(found, wanted, testing::share_of_largest(wanted, 2e-3));
    }
  }
}

TEST(PeftGolden, ten_losses_gradient_norms_and_first_gradients_equal_peft) {
  const std::filesystem::path weights = kSource / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(weights)) {
    GTEST_SKIP() << weights << " is missing: scripts/setup fetches it";
  }
  const auto golden = io::SafetensorsFile::open(kSource / "tests/goldens/smollm2_training.safetensors");
  model::LoadOptions options;
  options.quant = model::Quant::kNone;
  const auto backbone = std::make_shared<const model::Backbone>(model::Backbone::load(weights, options));
  experts::LoraConfig lora;
  lora.rank = 4;
  lora.alpha = 16;
  const auto expert = std::make_shared<experts::Expert>("golden", backbone->config(), lora);
  set_factors(*expert);
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(std::vector{expert}));
  TrainConfig config;
  config.epochs = 10;
  config.batch_size = 2;
  config.warmup = 0.0;
  config.schedule = ScheduleKind::kConstant;
  config.dropout = 0.0;
  const std::vector<Example> examples{golden_example(golden, 0), golden_example(golden, 1)};
  GroupTrainer trainer(model, config,
                       {"golden", &expert->parameters(), std::make_shared<experts::SingleExpertGate>(0, 1)},
                       {{&examples[0], &examples[1]}, {}});
  const at::Tensor losses = quant::to_tensor(golden.at("losses"));
  const at::Tensor norms = quant::to_tensor(golden.at("grad_norms"));
  for (int step = 0; step < 10; ++step) {
    const GroupStep computed = trainer.compute();
    EXPECT_NEAR(computed.loss / losses[step].item<double>(), 1.0, 1e-3) << "step " << step;
    EXPECT_NEAR(computed.grad_norm / norms[step].item<double>(), 1.0, 5e-3) << "step " << step;
    if (step < 2) {
      expect_gradients(*expert, golden, step);
    }
    trainer.apply(computed);
  }
  EXPECT_TRUE(trainer.done());
}

}  // namespace
}  // namespace routedk::train
