#include "routedk/workflow/experiment/memory_plan.h"

#include "routedk/decode/decoder.h"
#include "routedk/experts/expert.h"
#include "routedk/experts/router.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/backbone.h"
#include "routedk/train/answer_loss.h"

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "support/llama_8b.h"
#include "workflow/held_tensors.h"
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

template <typename Size>
std::map<std::string, double> predicted(const model::LlamaConfig& shape, const Size& size) {
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

TEST(MemoryPlan, what_the_file_packs_takes_its_bytes_there_and_about_as_many_in_8_bits) {
  const model::LlamaConfig shape = some_shape(true);
  TrainingSize size;
  size.nf4 = false;
  size.packed_linears = 1e6;
  size.packed_tables = 2e5;
  EXPECT_DOUBLE_EQ(predicted(shape, size)["frozen linears"], 1e6);
  EXPECT_DOUBLE_EQ(predicted(shape, size)["embedding and head"], 2e5);
  DecodingSize decoding;
  static_cast<FrozenSize&>(decoding) = size;
  EXPECT_GT(predicted(shape, decoding)["8-bit copy"], 1e6);
}

TEST(MemoryPlan, what_is_trained_is_there_five_times_and_a_sixth_with_a_running_mean) {
  const model::LlamaConfig shape = some_shape(true);
  const experts::Expert expert("base", shape, experts::LoraOptions{});
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
}

TEST(MemoryPlan, layers_that_are_run_again_keep_their_inputs_and_what_one_layer_needs) {
  const model::LlamaConfig shape = some_shape(true);
  TrainingSize size;
  size.tokens = 100;
  const double all = predicted(shape, size)["kept for backward"];
  size.recompute = true;
  const double of_a_layer = predicted(shape, size)["kept for backward"] - 3 * 100 * 256 * 4.0;
  EXPECT_GT(of_a_layer, all / 3);  // with its gradients
  EXPECT_LT(of_a_layer, all / 2);
}

/// Two experts of rank 16 on a backbone of that shape, not yet frozen.
struct Experts {
  explicit Experts(const model::LlamaConfig& shape)
      : model(std::make_shared<model::Backbone>(model::Backbone::random(shape, {}, 1)),
              std::make_shared<experts::ExpertBank>(std::vector{make("a", shape), make("b", shape)})) {}

  static std::shared_ptr<experts::Expert> make(const char* name, const model::LlamaConfig& shape) {
    auto expert = std::make_shared<experts::Expert>(name, shape, experts::LoraOptions{});
    expert->initialise(1);
    return expert;
  }
  std::int64_t factors() const { return 2 * model.bank()[0].parameters().size(); }

  experts::RoutedModel model;
};

TEST(MemoryPlan, frozen_experts_are_what_a_frozen_bank_holds) {
  const model::LlamaConfig shape = some_shape(true);
  const auto backbone = std::make_shared<model::Backbone>(model::Backbone::random(shape, {}, 1));
  const testing::HeldTensors tensors;
  experts::ExpertBank bank({Experts::make("a", shape), Experts::make("b", shape)});
  bank.freeze(at::kFloat);
  TrainingSize size;
  size.factors = 2 * bank[0].parameters().size();
  EXPECT_NEAR(predicted(shape, size)["frozen experts"] / tensors.held(), 1.0, 0.02);
}

TEST(MemoryPlan, the_8_bit_copy_is_what_a_decoder_holds) {
  const model::LlamaConfig shape = some_shape(true);
  Experts made(shape);
  made.model.bank().freeze(at::kFloat);
  const testing::HeldTensors tensors;
  const decode::Decoder decoder(made.model, decode::Kernels::kInt8);
  DecodingSize size;
  size.factors = made.factors();
  EXPECT_NEAR(predicted(shape, size)["8-bit copy"] / tensors.held(), 1.0, 0.05);
  size.int8 = false;
  EXPECT_EQ(predicted(shape, size)["8-bit copy"], 0.0);
}

/// Prompts of as many tokens each, no two alike.
std::vector<decode::Prompt> prompts(std::int64_t count, std::int64_t tokens) {
  std::vector<decode::Prompt> all;
  for (std::int64_t p = 0; p < count; ++p) {
    all.push_back({std::vector<text::TokenId>(static_cast<std::size_t>(tokens), static_cast<int>(p)),
                   static_cast<std::uint64_t>(p), nullptr});
  }
  return all;
}

/// What decoding held at most over what was predicted of it.
double decoding_share(const DecodingSize& asked, decode::Kernels kernels) {
  model::LlamaConfig shape = some_shape(true);
  shape.context = 1024;
  Experts made(shape);
  made.model.bank().freeze(at::kFloat);
  DecodingSize size = asked;
  size.factors = made.factors();
  const decode::Decoder decoder(made.model, kernels);
  decode::GenerateOptions options;
  options.samples = size.samples;
  options.sampling.temperature = 100.0;  // no two samples stay together
  options.max_new_tokens = size.new_tokens;
  options.end_of_turn = static_cast<text::TokenId>(shape.vocab);  // never drawn
  const testing::HeldTensors tensors;
  decoder.generate(experts::FixedGate::average(2), prompts(size.sessions, size.prompt_tokens / size.sessions),
                   options);
  auto plan = predicted(shape, size);
  return tensors.most() / (plan["prompts' keys and values"] + plan["prefill, later samples"]);
}

TEST(MemoryPlan, a_prefill_holds_what_is_predicted) {
  for (const auto kernels : {decode::Kernels::kInt8, decode::Kernels::kReference}) {
    DecodingSize size;
    size.int8 = kernels == decode::Kernels::kInt8;
    size.sessions = 4;
    size.prompt_tokens = 2560;
    size.new_tokens = 1;
    EXPECT_NEAR(decoding_share(size, kernels), 1.0, 0.15) << size.int8;
  }
}

TEST(MemoryPlan, samples_hold_what_is_predicted_once_they_are_as_long_as_they_may_be) {
  DecodingSize size;
  size.sessions = 2;
  size.prompt_tokens = 64;
  size.samples = 8;
  size.new_tokens = 256;
  EXPECT_NEAR(decoding_share(size, decode::Kernels::kInt8), 1.0, 0.15);
}

/// What a step held at most over what is predicted to be kept for backward.
double training_share(bool router, bool recompute) {
  const model::LlamaConfig shape = some_shape(true);
  Experts made(shape);
  std::shared_ptr<experts::Gate> gate = std::make_shared<experts::SingleExpertGate>(0, 2);
  TrainingSize size;
  size.recompute = recompute;
  if (router) {
    made.model.bank().freeze(at::kFloat);
    size.factors = made.factors();
    const auto trained = std::make_shared<experts::RouterGate>(shape.layers, shape.hidden, 2);
    trained->parameters().set_trainable(true);
    gate = trained;
  } else {
    made.model.bank()[0].parameters().set_trainable(true);
  }
  const train::Example example{std::vector<std::int32_t>(500, 1), std::vector<std::int32_t>(20, 2)};
  const train::PackedBatch batch = train::pack({&example, &example});
  size.tokens = batch.batch.tokens();
  const testing::HeldTensors tensors;
  train::answer_loss(made.model, {*gate, batch, nullptr, recompute}).sum.backward();
  return tensors.most() / predicted(shape, size)["kept for backward"];
}

TEST(MemoryPlan, what_is_kept_for_backward_covers_what_a_step_holds_but_not_twice) {
  for (const bool router : {false, true}) {
    for (const bool recompute : {false, true}) {
      const double share = training_share(router, recompute);
      EXPECT_LT(share, 1.0) << router << recompute;
      EXPECT_GT(share, 0.5) << router << recompute;
    }
  }
}

/// docs/results/gpu.json: Llama-3.1-8B's shape, one expert of rank 16 or three.
TEST(MemoryPlan, of_a_gpu_is_within_a_tenth_of_what_was_measured_on_one) {
  const model::LlamaConfig shape = testing::llama_8b(32);
  const io::Json measured =
      io::read_json(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "docs/results/gpu.json");
  for (const auto& [name, run] : measured.at("train").items()) {
    TrainingSize size;
    size.gpu = true;
    size.precision = kernels::Precision::kBFloat16;
    const auto experts = run.at("experts").get<std::int64_t>();
    size.trainable = 41'943'040 * experts;
    size.tokens =
        run.at("sequences_of_pass").get<std::int64_t>() * run.at("tokens_of_sequence").get<std::int64_t>();
    size.answer_tokens = size.tokens;
    size.recompute = run.at("recompute").get<bool>();
    const double best = 4.0 * static_cast<double>(size.trainable);  // without validation none is kept
    const double predicted = predict_memory(shape, size).total() - best;
    EXPECT_NEAR(predicted / (run.at("peak_gb").get<double>() * 1e9), 1.0, 0.1) << name;
  }
}

}  // namespace
}  // namespace routedk::workflow
