#include "routedk/experts/gguf_lora.h"

#include "routedk/core/error.h"
#include "routedk/experts/routed_model.h"
#include "routedk/experts/router.h"
#include "routedk/experts/ties.h"
#include "routedk/quant/ggml_tensor.h"

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using model::Linear;
using testing::expect_close;
using ::testing::HasSubstr;
using testing::message_of;
using testing::tiny_config;

at::Tensor rows_of(const std::vector<float>& weights) {
  return at::tensor(weights).expand({tiny_config().layers, -1});
}

class GgufLoraFile : public ::testing::Test {
 protected:
  io::GgufFile save(const ExpertBank& bank, const at::Tensor& weights, FactorType type = FactorType::kF32) {
    found_ = save_gguf_lora(bank, weights, tiny_config(), type, folder_ / "mix.gguf");
    return io::GgufFile::open(folder_ / "mix.gguf");
  }

  /// The logits of the tiny GGUF whose own matrices, as they lie in the file, got alpha / R B A added to
  /// them: what llama.cpp computes.
  at::Tensor applied(const io::GgufFile& lora) const {
    testing::GgufWriter gguf = testing::tiny_llama();
    for (const auto& [name, tensor] : lora.tensors()) {
      if (!name.ends_with(".lora_a")) {
        continue;
      }
      const std::string base = name.substr(0, name.size() - std::string(".lora_a").size());
      const at::Tensor a = quant::dense_values(tensor);                         // [R,in]
      const at::Tensor b = quant::dense_values(lora.tensor(base + ".lora_b"));  // [out,R]
      const double scale = lora.real("adapter.lora.alpha") / static_cast<double>(a.size(0));
      const auto own = testing::tiny_values(base, b.size(0) * a.size(1), 0.0, 0.3);
      const at::Tensor sum = at::tensor(own).view({b.size(0), a.size(1)}) + at::mm(b, a) * scale;
      gguf.tensor(base, {b.size(0), a.size(1)},
                  {sum.const_data_ptr<float>(), sum.const_data_ptr<float>() + sum.numel()});
    }
    gguf.save(folder_ / "applied.gguf");
    return testing::logits_of(*backbone(folder_ / "applied.gguf"), kIds);
  }

  /// The logits of the experts in memory.
  at::Tensor routed(const std::shared_ptr<ExpertBank>& bank, const Gate& gate) const {
    const at::NoGradGuard no_grad;
    testing::tiny_llama().save(folder_ / "tiny.gguf");
    const RoutedModel model(backbone(folder_ / "tiny.gguf"), bank);
    const auto batch = testing::batch_of(kIds);
    return model.backbone().logits(model.forward({batch, gate}).hidden);
  }

  static std::shared_ptr<const model::Backbone> backbone(const std::filesystem::path& path) {
    return std::make_shared<const model::Backbone>(model::Backbone::load(path, testing::dense()));
  }

  static inline const testing::Sequences kIds = {{1, 2, 3, 30, 12}, {7, 7, 0}};
  testing::TemporaryFolder folder_;
  GgufLora found_;
};

TEST_F(GgufLoraFile, each_expert_changes_the_models_own_matrices_as_it_does_here) {
  const auto bank = testing::tiny_bank();
  const at::Tensor alone = routed(bank, SingleExpertGate(-1, 3));
  for (int i = 0; i < 3; ++i) {
    const SingleExpertGate gate(i, 3);
    const at::Tensor wanted = routed(bank, gate);
    expect_close(applied(save(*bank, fixed_weights(gate, tiny_config()))), wanted, {0.0, 1e-4});
    EXPECT_GT(testing::largest_difference(wanted, alone), 1e-2);
  }
}

TEST_F(GgufLoraFile, weights_may_differ_by_layer) {
  const auto bank = testing::tiny_bank();
  RouterGate gate(tiny_config().layers, tiny_config().hidden, 3,
                  {.kind = RouterKind::kStatic, .scale = AlphaScale::kKSoftmax});
  gate.parameters().values().copy_(at::cos(at::arange(gate.parameters().size(), at::kFloat)) * 2);
  const at::Tensor weights = fixed_weights(gate, tiny_config());
  EXPECT_GT(testing::largest_difference(weights[0], weights[1]), 0.1);
  expect_close(applied(save(*bank, weights)), routed(bank, gate), {0.0, 1e-4});
}

TEST_F(GgufLoraFile, half_the_bits_change_little) {
  const auto bank = testing::tiny_bank();
  const FixedGate gate({0.5F, -0.25F, 2.0F});
  const io::GgufFile file = save(*bank, fixed_weights(gate, tiny_config()), FactorType::kF16);
  for (const auto& [name, tensor] : file.tensors()) {
    EXPECT_EQ(tensor.type, io::GgmlType::kF16) << name;
  }
  expect_close(applied(file), routed(bank, gate), {0.0, 1e-2});
}

TEST_F(GgufLoraFile, a_merged_expert_is_an_expert) {
  auto merged =
      std::make_shared<Expert>(ties_deltas(*testing::tiny_bank(), tiny_config(), 0.5, std::nullopt));
  const auto bank = std::make_shared<ExpertBank>(std::vector{merged});
  bank->freeze(at::kFloat);
  expect_close(applied(save(*bank, rows_of({1.0F}))), routed(bank, SingleExpertGate(0, 1)), {0.0, 1e-4});
}

TEST_F(GgufLoraFile, says_what_llama_cpp_asks_for) {
  const io::GgufFile file = save(*testing::tiny_bank(), rows_of({0.5F, 0.25F, 0.0F}));
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.text("general.type"), "adapter");
  EXPECT_EQ(file.text("general.name"), "mix");
  EXPECT_EQ(file.text("adapter.type"), "lora");
  EXPECT_EQ(file.real("adapter.lora.alpha"),
            5.0);  // base has rank 2, high_level 3, fine_grained weighs nothing
  EXPECT_EQ(found_.rank, 5);
  EXPECT_EQ(found_.linears, 14);
  EXPECT_EQ(file.tensors().size(), 28U);
  EXPECT_THAT(file.tensor("blk.0.attn_q.weight.lora_a").shape, ::testing::ElementsAre(5, 32));
  EXPECT_THAT(file.tensor("blk.1.ffn_down.weight.lora_b").shape, ::testing::ElementsAre(32, 5));
  EXPECT_THAT(file.tensor("blk.1.ffn_gate.weight.lora_b").shape, ::testing::ElementsAre(48, 2));
}

TEST_F(GgufLoraFile, a_mix_of_nothing_is_refused) {
  EXPECT_THAT(message_of<ConfigError>([&] {
                save(*testing::tiny_bank(), rows_of({0.0F, 0.0F, 0.0F}));
              }),
              HasSubstr("at least 1 linear"));
}

TEST_F(GgufLoraFile, numbers_that_its_type_cannot_hold_are_refused) {
  const auto bank = testing::tiny_bank();
  (*bank)[0].parameters().values().detach().mul_(1e6);
  EXPECT_THAT(message_of<ConfigError>([&] {
                save(*bank, rows_of({1.0F, 0.0F, 0.0F}), FactorType::kF16);
              }),
              HasSubstr("must fit f16"));
  EXPECT_EQ(testing::entries_of(folder_.path()), 0);
  EXPECT_NO_THROW(save(*bank, rows_of({1.0F, 0.0F, 0.0F})));
}

TEST(FixedWeights, are_those_of_gates_that_do_not_look_at_their_input) {
  const model::LlamaConfig c = tiny_config();
  expect_close(fixed_weights(FixedGate({0.5F, 2.0F}), c), at::tensor({0.5F, 2.0F, 0.5F, 2.0F}).view({2, 2}));
  expect_close(fixed_weights(SingleExpertGate(1, 2), c), at::tensor({0.0F, 1.0F, 0.0F, 1.0F}).view({2, 2}));
  expect_close(fixed_weights(SingleExpertGate(-1, 2), c), at::zeros({2, 2}));
  auto uniform =
      std::make_unique<RouterGate>(c.layers, c.hidden, 2, RouterOptions{.kind = RouterKind::kStatic});
  expect_close(fixed_weights(AblationGate(std::move(uniform), 0), c),
               at::tensor({0.0F, 0.5F, 0.0F, 0.5F}).view({2, 2}));
  EXPECT_THROW(fixed_weights(EnsembleGate(2), c), ConfigError);
  const RouterGate dynamic(c.layers, c.hidden, 2);
  EXPECT_TRUE(dynamic.looks_at_input());
  EXPECT_THROW(fixed_weights(dynamic, c), Error);
}

}  // namespace
}  // namespace routedk::experts
