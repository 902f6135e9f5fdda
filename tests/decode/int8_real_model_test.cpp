#include "routedk/decode/decoder.h"

#include <iostream>

#include "support/forward.h"
#include "support/goldens.h"
#include "support/real_model.h"
#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

/// The real model's own blocks, without experts.
class Int8RealModel : public testing::RealModel {
 protected:
  /// What follows each token of the golden's prompt, in logarithms of probabilities. [T,V]
  static at::Tensor log_probabilities(const experts::RoutedModel& model, Kernels kernels,
                                      const std::vector<std::int32_t>& ids) {
    const at::NoGradGuard no_grad;
    const Decoder decoder(model, kernels);
    std::vector<kernels::CacheRow> rows;
    for (std::int64_t t = 0; t < std::ssize(ids); ++t) {
      rows.push_back({0, kernels::CacheRow::kPrompt, t});
    }
    auto cache = decoder.make_cache({std::ssize(ids)});
    const experts::SingleExpertGate gate(-1, 1);
    const auto batch = model::FlatBatch::make({ids}, {std::ssize(ids)});
    return at::log_softmax(decoder.logits(decoder.forward(batch, gate, rows, cache).hidden), -1);
  }
};

TEST_F(Int8RealModel, predicts_as_the_reference_but_for_the_rounding_of_activations) {
  const auto backbone = std::make_shared<const model::Backbone>(
      model::Backbone::load(testing::real_model_path(), model::LoadOptions{}));
  const auto expert = std::make_shared<experts::Expert>("none", backbone->config(), experts::LoraOptions{});
  const experts::RoutedModel model(backbone, std::make_shared<experts::ExpertBank>(std::vector{expert}));
  const testing::Golden golden("smollm2_logits.safetensors");
  const std::vector<std::int32_t> ids = testing::ids_of(golden["ids"]);
  const at::Tensor exact = log_probabilities(model, Kernels::kReference, ids);
  const at::Tensor found = log_probabilities(model, Kernels::kInt8, ids);
  const at::Tensor divergence = (exact.exp() * (exact - found)).sum(-1);  // [T]
  const double agreement = exact.argmax(-1).eq(found.argmax(-1)).to(at::kDouble).mean().item<double>();
  std::cout << "mean divergence " << divergence.mean().item<double>() << " nats, largest "
            << divergence.max().item<double>() << ", same best token " << agreement << '\n';
  EXPECT_LT(divergence.mean().item<double>(), 0.01);
  EXPECT_GT(agreement, 0.9);
}

}  // namespace
}  // namespace routedk::decode
