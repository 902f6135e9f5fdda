#include "routedk/experts/peft.h"
#include "routedk/experts/routed_model.h"

#include "core/temporary_folder.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::expect_close;

/// The tiny model of make_peft_patterns.py, its adapters and PEFT's logits.
class TinyPeft : public ::testing::TestWithParam<const char*> {
 protected:
  static std::shared_ptr<const model::Backbone> backbone() {
    static const auto shared = std::make_shared<const model::Backbone>(
        model::Backbone::load(testing::golden_path("tiny_llama.gguf"), testing::dense()));
    return shared;
  }
  static std::shared_ptr<Expert> load(const std::string& name) {
    return std::make_shared<Expert>(
        load_peft(testing::golden_path("tiny_peft") / name, name, backbone()->config()));
  }
  at::Tensor logits(std::vector<std::shared_ptr<Expert>> experts, const Gate& gate) const {
    const at::NoGradGuard no_grad;
    const auto bank = std::make_shared<ExpertBank>(std::move(experts));
    bank->freeze(at::kFloat);
    const RoutedModel model(backbone(), bank);
    const model::FlatBatch batch = testing::batch_of({testing::ids_of(golden_["ids"])});
    const at::Tensor hidden = model.forward({batch, gate}).hidden;
    return backbone()->logits(hidden);
  }
  at::Tensor golden(const std::string& name) const { return golden_[name + ".logits"]; }

  testing::Golden golden_{"tiny_peft.safetensors"};
};

INSTANTIATE_TEST_SUITE_P(Adapters, TinyPeft,
                         ::testing::Values("mixed", "regex", "all_linear", "some_layers", "one_layer"),
                         [](const auto& test) { return test.param; });

TEST_P(TinyPeft, an_adapter_gives_the_logits_of_peft_on_both_paths) {
  const std::string name = GetParam();
  expect_close(logits({load(name)}, SingleExpertGate(0, 1)), golden(name), {0.0, 1e-4});
  expect_close(logits({load(name)}, FixedGate({1.0F})), golden(name), {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(logits({load(name)}, SingleExpertGate(-1, 1)), golden(name)), 0.5);
}

TEST_P(TinyPeft, an_adapter_saved_again_gives_the_same_logits) {
  const testing::TemporaryFolder folder;
  const std::string name = GetParam();
  save_peft(*load(name), folder / "copy", "tiny");
  const auto copy = std::make_shared<Expert>(load_peft(folder / "copy", name, backbone()->config()));
  EXPECT_EQ(copy->plan().sizes, load(name)->plan().sizes);
  expect_close(logits({copy}, SingleExpertGate(0, 1)), golden(name), {0.0, 1e-4});
}

TEST_F(TinyPeft, weights_of_a_mixture_are_those_of_pefts_cat) {
  const std::vector<std::shared_ptr<Expert>> experts = {load("mixed"), load("all_linear"),
                                                        load("some_layers")};
  expect_close(logits(experts, FixedGate({0.5F, 0.8F, -0.3F})), golden("cat"), {0.0, 1e-4});
  expect_close(logits(experts, OwnerGate({2}, 3)), golden("some_layers"), {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(logits(experts, FixedGate::average(3)), golden("cat")), 0.1);
}

}  // namespace
}  // namespace routedk::experts
