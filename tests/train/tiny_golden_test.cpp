#include "routedk/experts/peft.h"
#include "routedk/experts/router.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/group_trainer.h"

#include <array>

#include "support/expect_close.h"
#include "support/goldens.h"
#include "train/tiny_model.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::train {
namespace {

/// make_tiny_training.py: transformers + PEFT + torch, in fp32.
class TinyGolden : public ::testing::Test {
 protected:
  TinyGolden() {
    model::LoadOptions options;
    options.quant = model::Quant::kNone;
    backbone_ = std::make_shared<const model::Backbone>(
        model::Backbone::load(testing::golden_path("tiny_llama.gguf"), options));
    for (int i = 0; i < 2; ++i) {
      examples_.push_back({ids(fmt::format("{}.prompt", i)), ids(fmt::format("{}.answer", i)), 0,
                           static_cast<std::uint64_t>(i)});
    }
  }

  std::vector<std::int32_t> ids(const std::string& name) const {
    const at::Tensor tensor = golden_[name].to(at::kInt);
    const auto* begin = tensor.const_data_ptr<std::int32_t>();
    return {begin, begin + tensor.numel()};
  }
  void expect_golden(const at::Tensor& found, const std::string& name) const {
    const at::Tensor golden = golden_[name];
    SCOPED_TRACE(name);
    testing::expect_close(found, golden, testing::share_of_largest(golden, 1e-5));
  }

  testing::Golden golden_{"tiny_training.safetensors"};
  std::shared_ptr<const model::Backbone> backbone_;
  std::vector<Example> examples_;
};

/// A[i,j] = 0.1 sin(0.37 i + 0.11 j + layer), B = 0.
void set_factors(const experts::Expert& expert) {
  expert.for_each([](std::int64_t layer, model::Linear, const experts::LoraFactors& f) {
    const at::Tensor i = at::arange(f.a.size(0), at::kDouble).unsqueeze(1);
    const at::Tensor j = at::arange(f.a.size(1), at::kDouble).unsqueeze(0);
    f.a.copy_(0.1 * at::sin(0.37 * i + 0.11 * j + layer));
  });
}

TEST_F(TinyGolden, ten_losses_and_every_named_gradient_of_an_expert_equal_pefts) {
  experts::LoraConfig lora;
  lora.rank = 4;
  lora.alpha = 8;
  const auto expert = std::make_shared<experts::Expert>("golden", backbone_->config(), lora);
  set_factors(*expert);
  const experts::RoutedModel model(backbone_, std::make_shared<experts::ExpertBank>(std::vector{expert}));
  TrainConfig config;
  config.epochs = 10;
  config.batch_size = 2;
  config.warmup = 0.0;
  config.schedule = ScheduleKind::kConstant;
  config.learning_rate = 1e-2;
  config.dropout = 0.0;
  GroupTrainer trainer(model, config,
                       {"golden", &expert->parameters(), std::make_shared<experts::SingleExpertGate>(0, 1)},
                       {testing::pointers(examples_), {}});
  static constexpr std::array kNames = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                        "gate_proj", "up_proj", "down_proj"};
  int gradients = 0;
  for (int step = 0; step < 10; ++step) {
    const GroupStep computed = trainer.compute();
    EXPECT_NEAR(computed.loss / golden_["losses"][step].item<double>(), 1.0, 1e-5) << "step " << step;
    EXPECT_NEAR(computed.grad_norm / golden_["grad_norms"][step].item<double>(), 1.0, 1e-5)
        << "step " << step;
    expert->for_each([&](std::int64_t layer, model::Linear linear, const experts::LoraFactors& f) {
      const std::string name = fmt::format("{}.{}.grad_", layer, kNames.at(static_cast<std::size_t>(linear)));
      if (step < 2) {
        ++gradients;
        step == 0 ? expect_golden(f.bt.grad().t(), name + "B") : expect_golden(f.a.grad(), name + "A");
      }
    });
    trainer.apply(computed);
  }
  EXPECT_EQ(gradients, 2 * 3 * 7);
}

TEST_F(TinyGolden, loss_and_gradient_of_a_router_equal_torchs) {
  std::vector<std::shared_ptr<experts::Expert>> experts;
  for (const char* name : {"one", "two", "three"}) {
    experts.push_back(std::make_shared<experts::Expert>(
        experts::load_peft(testing::golden_path("tiny_peft") / name, name, backbone_->config())));
  }
  const auto bank = std::make_shared<experts::ExpertBank>(std::move(experts));
  bank->freeze(at::kFloat);
  experts::RouterGate router(3, 16, 3);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    router.weight(layer).copy_(golden_[fmt::format("router.{}.weight", layer)]);
    router.bias(layer).copy_(golden_[fmt::format("router.{}.bias", layer)]);
  }
  router.parameters().set_trainable(true);
  const PackedBatch batch = pack(testing::pointers(examples_));
  const at::Tensor loss = answer_loss_sum({backbone_, bank}, router, batch) / batch.answer_tokens();
  loss.backward();
  EXPECT_NEAR(loss.item<double>() / golden_["router.loss"].item<double>(), 1.0, 1e-5);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    expect_golden(router.weight(layer).grad(), fmt::format("router.{}.grad_weight", layer));
    expect_golden(router.bias(layer).grad(), fmt::format("router.{}.grad_bias", layer));
  }
}

}  // namespace
}  // namespace routedk::train
