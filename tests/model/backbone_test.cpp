#include "routedk/model/backbone.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/tiny_llama.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::dense;
using testing::expect_close;
using testing::expect_equal;
using testing::GgufWriter;
using ::testing::HasSubstr;
using testing::logits_of;
using testing::Sequences;
using testing::tiny_llama;

Backbone load(const GgufWriter& gguf, const LoadOptions& options = dense()) {
  const testing::TemporaryFolder folder;
  gguf.save(folder / "tiny.gguf");
  return Backbone::load(folder / "tiny.gguf", options);
}

std::string refusal(const GgufWriter& gguf) {
  return testing::message_of<FileError>([&] { load(gguf); });
}

TEST(Backbone, packed_batch_equals_its_sequences_alone) {
  const Backbone tiny = load(tiny_llama());
  const Sequences sequences = {{1, 2, 3, 4, 5}, {7}, {5, 4, 39, 0, 1, 1, 2}};
  const at::Tensor packed = logits_of(tiny, sequences);
  std::int64_t begin = 0;
  for (const auto& sequence : sequences) {
    const auto length = static_cast<std::int64_t>(sequence.size());
    expect_close(packed.narrow(0, begin, length), logits_of(tiny, {sequence}), {0.0, 1e-5});
    begin += length;
  }
}

TEST(Backbone, later_tokens_do_not_change_earlier_logits) {
  const Backbone tiny = load(tiny_llama());
  const at::Tensor longer = logits_of(tiny, {{1, 2, 3, 30, 31}});
  expect_close(longer.narrow(0, 0, 3), logits_of(tiny, {{1, 2, 3}}), {0.0, 1e-5});
  EXPECT_GT(testing::largest_difference(longer[4], logits_of(tiny, {{2, 1, 3, 30, 31}})[4]), 1e-3);
}

TEST(Backbone, nf4_model_equals_the_dense_model_of_its_dequantised_weights) {
  const Backbone packed = load(tiny_llama(), LoadOptions{.quant = Quant::kNf4});
  const Backbone plain = load(tiny_llama());
  const at::NoGradGuard no_grad;
  const auto batch = testing::batch_of({{3, 1, 4}});
  const auto dequantised = [&](std::int64_t layer, Linear kind, const auto&, const at::Tensor& x) {
    const kernels::Weight& weight = packed.layers()[static_cast<std::size_t>(layer)][kind].weight();
    return at::mm(x, kernels::dequantize(weight, at::kFloat).t());
  };
  EXPECT_TRUE(testing::is_nf4(packed.layers()[0][Linear::kQ]));
  expect_close(packed.forward(batch), testing::hidden_with(plain, batch, dequantised), {0.0, 1e-5});
}

TEST(Backbone, bfloat16_logits_are_near_those_of_float32) {
  LoadOptions options = dense();
  options.precision = kernels::Precision::kBFloat16;
  const Backbone rounded = load(tiny_llama(), options);
  const at::Tensor exact = logits_of(load(tiny_llama()), {{3, 1, 4, 1, 5}});
  EXPECT_EQ(rounded.dtype(), at::kFloat);
  EXPECT_EQ(std::get<kernels::Dense>(rounded.head().weight()).values.scalar_type(), at::kBFloat16);
  expect_close(logits_of(rounded, {{3, 1, 4, 1, 5}}), exact, testing::share_of_largest(exact, 0.05));
}

TEST(Backbone, a_model_without_an_output_matrix_uses_its_embedding) {
  GgufWriter gguf = tiny_llama();
  gguf.remove_tensor("output.weight");
  const Backbone tied = load(gguf);
  const LlamaConfig c = testing::tiny_config();
  gguf.tensor("output.weight", {c.vocab, c.hidden},
              testing::tiny_values("token_embd.weight", c.vocab * c.hidden, 0.0, 0.3));
  const Backbone untied = load(gguf);
  EXPECT_TRUE(tied.config().tied_head);
  expect_equal(logits_of(tied, {{1, 2}}), logits_of(untied, {{1, 2}}));
  EXPECT_EQ(untied.bytes() - tied.bytes(), c.vocab * c.hidden * 4);
}

TEST(Backbone, random_models_are_the_same_for_the_same_seed_only) {
  const auto random = [](std::uint64_t seed) {
    return logits_of(Backbone::random(testing::tiny_config(), dense(), seed), {{1, 2, 3}});
  };
  expect_equal(random(5), random(5));
  EXPECT_FALSE(at::equal(random(5), random(6)));
}

TEST(BackboneLoading, names_a_tensor_of_the_wrong_shape_and_both_shapes) {
  GgufWriter gguf = tiny_llama();
  gguf.tensor("blk.1.ffn_up.weight", {47, 32}, std::vector<float>(47 * 32));
  EXPECT_THAT(refusal(gguf),
              AllOf(HasSubstr("`blk.1.ffn_up.weight`"), HasSubstr("[48,32]"), HasSubstr("[47,32]")));
}

TEST(BackboneLoading, names_a_missing_tensor) {
  GgufWriter gguf = tiny_llama();
  gguf.remove_tensor("blk.1.attn_k.weight");
  EXPECT_THAT(refusal(gguf), HasSubstr("`blk.1.attn_k.weight`"));
}

TEST(BackboneLoading, names_a_tensor_that_nothing_uses) {
  GgufWriter gguf = tiny_llama();
  gguf.tensor("blk.0.attn_qkv.weight", {32}, std::vector<float>(32));
  EXPECT_THAT(refusal(gguf), HasSubstr("`blk.0.attn_qkv.weight`"));
}

TEST(BackboneLoading, biases_must_be_there_for_all_linears_of_their_kind) {
  GgufWriter gguf = tiny_llama();
  gguf.tensor("blk.0.attn_q.bias", {32}, std::vector<float>(32));
  EXPECT_THAT(refusal(gguf), HasSubstr("`blk.0.attn_k.bias`"));
}

std::vector<float> divisors_of(const std::function<void(testing::GgufWriter&)>& change) {
  const testing::TemporaryFolder folder;
  testing::GgufWriter gguf = testing::tiny_llama();
  change(gguf);
  gguf.save(folder / "tiny.gguf");
  return LlamaConfig::from_gguf(io::GgufFile::open(folder / "tiny.gguf")).rope_divisors;
}

TEST(BackboneLoading, reads_linear_rotary_scaling_in_every_spelling_of_llama_cpp) {
  const std::vector<float> four(4, 4.0F);
  EXPECT_EQ(divisors_of([](auto& g) { g.real("llama.rope.scale_linear", 4.0F); }), four);
  EXPECT_EQ(divisors_of([](auto& g) { g.real("llama.rope.scaling.factor", 4.0F); }), four);
  EXPECT_EQ(divisors_of([](auto& g) {
              g.text("llama.rope.scaling.type", "linear");
              g.real("llama.rope.scaling.factor", 4.0F);
              g.real("llama.rope.scale_linear", 9.0F);  // the old key, which the new one overrides
            }),
            four);
  EXPECT_EQ(divisors_of([](auto& g) {
              g.text("llama.rope.scaling.type", "none");
              g.real("llama.rope.scaling.factor", 4.0F);
            }),
            std::vector<float>());
  EXPECT_EQ(divisors_of([](auto& g) { g.real("llama.rope.scaling.factor", 0.0F); }), std::vector<float>());
  EXPECT_EQ(divisors_of([](auto& g) {
              g.real("llama.rope.scale_linear", 2.0F);
              g.tensor("rope_freqs.weight", {4}, {1.0F, 2.0F, 3.0F, 4.0F});
            }),
            (std::vector<float>{2.0F, 4.0F, 6.0F, 8.0F}));
}

TEST(BackboneLoading, refuses_other_rotary_scalings_by_name) {
  testing::GgufWriter gguf = testing::tiny_llama();
  gguf.text("llama.rope.scaling.type", "yarn");
  EXPECT_THAT(refusal(gguf), HasSubstr("`llama.rope.scaling.type` must be none or linear, but is `yarn`"));
  gguf = testing::tiny_llama();
  gguf.real("llama.rope.scaling.factor", -2.0F);
  EXPECT_THAT(refusal(gguf), HasSubstr("a rotary scaling's factor must be positive"));
  gguf = testing::tiny_llama();
  gguf.real("llama.rope.scaling.attn_factor", 2.0F);
  EXPECT_THAT(refusal(gguf), HasSubstr("`llama.rope.scaling.attn_factor` must be 1"));
}

TEST(BackboneLoading, names_rotary_divisors_of_another_size_or_sign) {
  GgufWriter gguf = tiny_llama();
  gguf.tensor("rope_freqs.weight", {3}, std::vector<float>(3, 1.0F));
  EXPECT_THAT(refusal(gguf), HasSubstr("`rope_freqs.weight` must be F32 with half its head size"));
  gguf.tensor("rope_freqs.weight", {4}, {1.0F, 0.0F, 1.0F, 1.0F});
  EXPECT_THAT(refusal(gguf), HasSubstr("`rope_freqs.weight` must be positive"));
}

TEST(BackboneLoading, refuses_another_architecture_by_name) {
  GgufWriter gguf = tiny_llama();
  gguf.text("general.architecture", "qwen2");
  EXPECT_THAT(refusal(gguf),
              AllOf(HasSubstr("`general.architecture`"), HasSubstr("`qwen2`"), HasSubstr("tiny.gguf")));
}

TEST(BackboneLoading, refuses_weights_that_are_not_finite_by_name) {
  GgufWriter gguf = tiny_llama();
  std::vector<float> values(48 * 32);
  values[100] = std::numeric_limits<float>::infinity();
  gguf.tensor("blk.0.ffn_gate.weight", {48, 32}, values);
  EXPECT_THAT(refusal(gguf), HasSubstr("`blk.0.ffn_gate.weight`"));
}

struct BadMetadata {
  const char* name;
  void (*change)(GgufWriter&);
  const char* message;
};

class BackboneMetadata : public ::testing::TestWithParam<BadMetadata> {};

INSTANTIATE_TEST_SUITE_P(
    Refused, BackboneMetadata,
    ::testing::Values(
        BadMetadata{"adapter", [](GgufWriter& g) { g.text("general.type", "adapter"); }, "is an adapter"},
        BadMetadata{"zero_layers", [](GgufWriter& g) { g.integer("llama.block_count", 0); },
                    "`llama.block_count`"},
        BadMetadata{"endless_width", [](GgufWriter& g) { g.integer("llama.embedding_length", 4000000000U); },
                    "`llama.embedding_length`"},
        BadMetadata{"ragged_heads", [](GgufWriter& g) { g.integer("llama.attention.head_count", 5); },
                    "multiple of its heads"},
        BadMetadata{"ragged_groups", [](GgufWriter& g) { g.integer("llama.attention.head_count_kv", 3); },
                    "multiple of its key/value heads"},
        BadMetadata{"odd_head", [](GgufWriter& g) { g.integer("llama.attention.key_length", 7); }, "even"},
        BadMetadata{"other_value_size", [](GgufWriter& g) { g.integer("llama.attention.value_length", 16); },
                    "value size"},
        BadMetadata{"partial_rotary", [](GgufWriter& g) { g.integer("llama.rope.dimension_count", 4); },
                    "whole head"},
        BadMetadata{"scaled_rotary", [](GgufWriter& g) { g.text("llama.rope.scaling.type", "yarn"); },
                    "scaling"},
        BadMetadata{"no_epsilon",
                    [](GgufWriter& g) { g.real("llama.attention.layer_norm_rms_epsilon", 0.0F); }, "epsilon"},
        BadMetadata{"no_base", [](GgufWriter& g) { g.real("llama.rope.freq_base", -1.0F); }, "rotary base"}),
    [](const auto& test) { return test.param.name; });

TEST_P(BackboneMetadata, is_refused_naming_the_rule) {
  GgufWriter gguf = tiny_llama();
  GetParam().change(gguf);
  EXPECT_THAT(refusal(gguf), HasSubstr(GetParam().message));
}

}  // namespace
}  // namespace routedk::model
