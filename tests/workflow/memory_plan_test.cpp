#include "routedk/workflow/experiment/memory_plan.h"

#include "routedk/experts/expert.h"
#include "routedk/model/backbone.h"

#include <map>

#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

model::LlamaConfig some_shape(bool tied) {
  model::LlamaConfig config;
  config.layers = 3;
  config.hidden = 256;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 64;
  config.ffn = 512;
  config.vocab = 1000;
  config.context = 64;
  config.tied_head = tied;
  return config;
}

std::map<std::string, double> predicted(const model::LlamaConfig& shape, const TrainingSize& size) {
  const MemoryPlan plan = predict_memory(shape, size);
  return {plan.bytes.begin(), plan.bytes.end()};
}

TEST(MemoryPlan, weights_are_those_that_a_backbone_of_the_shape_holds) {
  for (const bool nf4 : {true, false}) {
    for (const bool tied : {true, false}) {
      const model::LlamaConfig shape = some_shape(tied);
      model::LoadOptions options;
      options.quant = nf4 ? model::Quant::kNf4 : model::Quant::kNone;
      const auto held = static_cast<double>(model::Backbone::random(shape, options, 1).bytes());
      TrainingSize size;
      size.nf4 = nf4;
      auto plan = predicted(shape, size);
      EXPECT_NEAR((plan["frozen linears"] + plan["embedding and head"]) / held, 1.0, 0.01) << nf4 << tied;
    }
  }
}

TEST(MemoryPlan, what_is_trained_is_there_five_times_and_a_sixth_with_a_running_mean) {
  const model::LlamaConfig shape = some_shape(true);
  const experts::Expert expert("base", shape, experts::LoraConfig{});
  TrainingSize size;
  size.trainable = expert.parameters().size();
  const double bytes = static_cast<double>(expert.parameters().values().nbytes());
  EXPECT_DOUBLE_EQ(predicted(shape, size)["trained, with optimiser"], 5 * bytes);
  size.average = true;
  EXPECT_DOUBLE_EQ(predicted(shape, size)["trained, with optimiser"], 6 * bytes);
}

TEST(MemoryPlan, the_share_of_a_batch_grows_with_its_tokens_and_halves_in_bfloat16) {
  const model::LlamaConfig shape = some_shape(true);
  TrainingSize size;
  size.tokens = 100;
  const double kept = predicted(shape, size)["kept for backward"];
  EXPECT_GT(kept, 0.0);
  size.tokens = 200;
  EXPECT_DOUBLE_EQ(predicted(shape, size)["kept for backward"], 2 * kept);
  size.dtype = at::kBFloat16;
  EXPECT_DOUBLE_EQ(predicted(shape, size)["kept for backward"], kept);
}

TEST(MemoryPlan, layers_that_are_run_again_keep_their_inputs_and_one_layer_s_share) {
  const model::LlamaConfig shape = some_shape(true);
  TrainingSize size;
  size.tokens = 100;
  const double all = predicted(shape, size)["kept for backward"];
  size.recompute = true;
  EXPECT_DOUBLE_EQ(predicted(shape, size)["kept for backward"], all / 3 + 3 * 100 * 256 * 4.0);
}

}  // namespace
}  // namespace routedk::workflow
