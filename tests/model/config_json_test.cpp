#include "routedk/core/error.h"
#include "routedk/model/config.h"
#include "routedk/model/rotary.h"

#include "support/tiny_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

struct BadField {
  const char* name;
  void (*change)(io::Json&);
  const char* message;
};

class ConfigJson : public ::testing::TestWithParam<BadField> {};

INSTANTIATE_TEST_SUITE_P(
    Refused, ConfigJson,
    ::testing::Values(
        BadField{"other_model", [](io::Json& c) { c["model_type"] = "qwen2"; },
                 "`model_type` must be llama, but is \"qwen2\" instead"},
        BadField{"no_model", [](io::Json& c) { c.erase("model_type"); }, "`model_type` must be llama"},
        BadField{"own_code",
                 [](io::Json& c) {
                   c["auto_map"] = {{"AutoModel", "x.y"}};
                 },
                 "`auto_map`"},
        BadField{"other_activation", [](io::Json& c) { c["hidden_act"] = "gelu"; },
                 "`hidden_act` must be silu"},
        BadField{"no_layers", [](io::Json& c) { c["num_hidden_layers"] = 0; }, "`num_hidden_layers`"},
        BadField{"endless_width", [](io::Json& c) { c["hidden_size"] = 4000000000U; }, "`hidden_size`"},
        BadField{"fractional_width", [](io::Json& c) { c["hidden_size"] = 32.5; }, "`hidden_size`"},
        BadField{"missing_width", [](io::Json& c) { c.erase("hidden_size"); }, "`hidden_size`"},
        BadField{"ragged_groups", [](io::Json& c) { c["num_key_value_heads"] = 3; }, "`num_key_value_heads`"},
        BadField{"odd_head", [](io::Json& c) { c["head_dim"] = 7; }, "`head_dim` must be even"},
        BadField{"ragged_heads",
                 [](io::Json& c) {
                   c.erase("head_dim");
                   c["num_attention_heads"] = 5;
                 },
                 "`hidden_size` must be a multiple"},
        BadField{"no_epsilon", [](io::Json& c) { c["rms_norm_eps"] = 0; }, "`rms_norm_eps`"},
        BadField{"no_base", [](io::Json& c) { c["rope_theta"] = -1; }, "`rope_theta`"},
        BadField{"partial_rotary", [](io::Json& c) { c["partial_rotary_factor"] = 0.5; },
                 "`partial_rotary_factor` must be 1"},
        BadField{"interleaved", [](io::Json& c) { c["rope_interleaved"] = true; }, "`rope_interleaved`"},
        BadField{"other_scaling",
                 [](io::Json& c) {
                   c["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.0}};
                 },
                 "`rope_scaling.type` must be default, llama3 or linear"},
        BadField{"other_scaling_field",
                 [](io::Json& c) {
                   c["rope_parameters"] = {{"rope_type", "default"}, {"beta_fast", 32}};
                 },
                 "`rope_parameters.beta_fast`"},
        BadField{"scaling_without_factor",
                 [](io::Json& c) {
                   c["rope_scaling"] = {{"rope_type", "llama3"}};
                 },
                 "`rope_scaling.factor` must be a number, but is missing"},
        BadField{"tied_to_a_text", [](io::Json& c) { c["tie_word_embeddings"] = "yes"; },
                 "`tie_word_embeddings` must be true or false"}),
    [](const auto& test) { return test.param.name; });

TEST_P(ConfigJson, is_refused_naming_the_field) {
  EXPECT_THAT(testing::refused_config(GetParam().change),
              ::testing::AllOf(HasSubstr(GetParam().message), HasSubstr("config.json")));
}

TEST(ConfigJsonFields, fields_left_out_have_the_defaults_of_transformers) {
  const TemporaryFolder folder;
  const auto path = folder.write("config.json", R"({"model_type": "llama", "hidden_size": 32, "vocab_size": 5,
      "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 8, "num_key_value_heads": null})");
  const LlamaConfig c = LlamaConfig::from_json(path);
  EXPECT_EQ(c.kv_heads, 4);
  EXPECT_EQ(c.head_dim, 8);
  EXPECT_EQ(c.context, 2048);
  EXPECT_EQ(c.rms_eps, 1e-6);
  EXPECT_EQ(c.rope_theta, 10000.0);
  EXPECT_FALSE(c.tied_head || c.attention_bias || c.mlp_bias || c.rope_scaling);
}

TEST(ConfigJsonFields, linear_scaling_is_read_and_written_back) {
  LlamaConfig config = testing::tiny_config();
  config.rope_divisors.assign(4, 2.5F);
  const io::Json json = config_json(config, "float32");
  EXPECT_EQ(json["rope_scaling"], (io::Json{{"rope_type", "linear"}, {"factor", 2.5}}));
  const testing::TemporaryFolder folder;
  const LlamaConfig read = LlamaConfig::from_json(folder.write("config.json", json.dump()));
  EXPECT_EQ(read.rope_divisors, config.rope_divisors);
  EXPECT_FALSE(read.rope_scaling.has_value());
}

TEST(ConfigJsonFields, the_divisors_of_a_llama_3_gguf_become_its_scaling_again) {
  LlamaConfig config = testing::tiny_config();
  config.rope_theta = 500000.0;
  const at::Tensor plain = inverse_frequencies(config);
  config.rope_scaling = RopeScaling{};
  const at::Tensor scaled = inverse_frequencies(config);
  const at::Tensor divisors = plain / scaled;
  config.rope_scaling.reset();
  config.rope_divisors.assign(divisors.const_data_ptr<float>(), divisors.const_data_ptr<float>() + 4);
  EXPECT_EQ(config_json(config, "float32")["rope_scaling"]["factor"], 8.0);
  config.rope_divisors[0] = 3.0F;
  EXPECT_THAT(message_of<FileError>([&] { config_json(config, "float32"); }),
              HasSubstr("`rope_freqs.weight`"));
}

}  // namespace
}  // namespace routedk::model
