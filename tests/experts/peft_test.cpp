#include "routedk/experts/peft.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/experts/routed_model.h"
#include "routedk/io/jsonl.h"

#include <cmath>
#include <filesystem>

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include "support/real_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::tiny_config;

class GoldenAdapters : public testing::RealModel {
 protected:
  /// The last logits under `gate`, where PEFT's 200 highest of adapter `name` stand.
  at::Tensor logits(const Gate& gate, const std::string& name) {
    const at::NoGradGuard no_grad;
    const model::FlatBatch batch = testing::batch_of({testing::ids_of(golden_["ids"])});
    const RoutedOutput output = model().forward({batch, gate});
    const at::Tensor last = model().backbone().logits(output.hidden.narrow(0, batch.tokens() - 1, 1))[0];
    return last.index_select(0, golden_[name + ".top_ids"]);
  }
  void expect_golden(const Gate& gate, const std::string& name) {
    SCOPED_TRACE(name);
    testing::expect_close(logits(gate, name), golden_[name + ".top_logits"], {0.0, 1e-3});
  }

  static const RoutedModel& model() {
    static const RoutedModel shared = [] {
      std::vector<std::shared_ptr<Expert>> experts;
      for (const std::string name : {"a", "b"}) {
        experts.push_back(std::make_shared<Expert>(
            load_peft(testing::golden_path("peft_" + name), name, testing::real_model()->config())));
      }
      const auto bank = std::make_shared<ExpertBank>(std::move(experts));
      bank->freeze(at::kFloat);
      return RoutedModel(testing::real_model(), bank);
    }();
    return shared;
  }

  testing::Golden golden_{"smollm2_lora.safetensors"};
};

TEST_F(GoldenAdapters, give_the_logits_of_peft_alone_averaged_and_switched_off) {
  expect_golden(OwnerGate({0}, 2), "a");
  expect_golden(OwnerGate({1}, 2), "b");
  expect_golden(FixedGate::average(2), "average");
  expect_golden(OwnerGate({-1}, 2), "base");
  EXPECT_GT(testing::largest_difference(logits(OwnerGate({0}, 2), "b"), golden_["b.top_logits"]), 0.1);
}

TEST(Peft, a_saved_adapter_comes_back_bit_for_bit) {
  const TemporaryFolder folder;
  for (const auto& expert : testing::tiny_experts()) {
    save_peft(*expert, folder / expert->name(), "tiny");
    const Expert loaded = load_peft(folder / expert->name(), expert->name(), tiny_config());
    EXPECT_EQ(loaded.name(), expert->name());
    EXPECT_EQ(loaded.plan().sizes, expert->plan().sizes);
    EXPECT_EQ(loaded.plan().rank_stabilised, expert->plan().rank_stabilised);
    testing::expect_equal(loaded.parameters().values(), expert->parameters().values());
  }
}

TEST(Peft, a_saved_folder_bears_the_names_and_shapes_of_peft) {
  const TemporaryFolder folder;
  save_peft(*testing::tiny_experts()[1], folder / "adapter", "tiny");
  const auto file = io::SafetensorsFile::open(folder / "adapter/adapter_model.safetensors");
  const std::string down = "base_model.model.model.layers.1.mlp.down_proj.";
  EXPECT_EQ(file.at(down + "lora_A.weight").shape, (std::vector<std::int64_t>{3, 48}));
  EXPECT_EQ(file.at(down + "lora_B.weight").shape, (std::vector<std::int64_t>{32, 3}));
  EXPECT_EQ(file.tensors().size(), 2U * 2U * 3U);
  const io::Json config = io::read_json(folder / "adapter/adapter_config.json");
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["target_modules"], (std::vector<std::string>{"q_proj", "o_proj", "down_proj"}));
  EXPECT_EQ(config["r"], 3);
  EXPECT_EQ(config["use_rslora"], true);
  EXPECT_EQ(config["base_model_name_or_path"], "tiny");
}

TEST(Peft, an_expert_that_is_not_finite_is_not_saved) {
  const TemporaryFolder folder;
  const auto expert = testing::tiny_experts()[0];
  const at::NoGradGuard no_grad;
  expert->for_each([](std::int64_t, model::Linear, const LoraFactors& f) { f.bt.fill_(INFINITY); });
  EXPECT_THAT(testing::message_of<Error>([&] { save_peft(*expert, folder / "adapter", "tiny"); }),
              HasSubstr("must be finite to be saved"));
  EXPECT_FALSE(std::filesystem::exists(folder / "adapter"));
}

/// A saved adapter whose files a test spoils.
class BrokenPeft : public ::testing::Test {
 protected:
  BrokenPeft() { save_peft(*testing::tiny_experts()[1], path(), "tiny"); }

  std::filesystem::path path() const { return folder_ / "adapter"; }
  std::string refusal() const {
    return testing::message_of<FileError>([&] { load_peft(path(), "x", tiny_config()); });
  }
  /// Loads with these fields of the configuration.
  Expert load_with(const io::Json& fields) const {
    io::Json config = io::read_json(path() / "adapter_config.json");
    config.update(fields);
    io::write_json(path() / "adapter_config.json", config);
    return load_peft(path(), "x", tiny_config());
  }
  /// What loading says when the configuration's `key` is `value`.
  std::string refusal_of(const std::string& key, const io::Json& value) const {
    io::Json config = io::read_json(path() / "adapter_config.json");
    config[key] = value;
    io::write_json(path() / "adapter_config.json", config);
    return refusal();
  }
  /// Rewrites the weights with `name` replaced by `tensor`, or left out when undefined.
  void replace(const std::string& name, const at::Tensor& tensor) const {
    const auto file = io::SafetensorsFile::open(path() / "adapter_model.safetensors");
    std::vector<io::TensorView> views;
    for (const auto& [key, view] : file.tensors()) {
      if (key != name) {
        views.push_back(view);
      }
    }
    if (tensor.defined()) {
      views.push_back(quant::to_view(name, tensor));
    }
    io::write_safetensors(path() / "adapter_model.safetensors", views);
  }

  const std::string factor_ = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight";

 private:
  TemporaryFolder folder_;
};

struct BadField {
  const char* name;
  const char* key;
  const char* value;
};

class BrokenPeftConfig : public BrokenPeft, public ::testing::WithParamInterface<BadField> {};

INSTANTIATE_TEST_SUITE_P(
    Refused, BrokenPeftConfig,
    ::testing::Values(
        BadField{"dora", "use_dora", "true"}, BadField{"bias", "bias", "\"all\""},
        BadField{"another_method", "peft_type", "\"IA3\""},
        BadField{"another_task", "task_type", "\"SEQ_CLS\""},
        BadField{"saved_modules", "modules_to_save", "[\"lm_head\"]"},
        BadField{"a_rank_that_is_none", "rank_pattern", R"({"q_proj": 0})"},
        BadField{"an_alpha_that_is_none", "alpha_pattern", R"({"q_proj": "4"})"},
        BadField{"a_pattern_that_is_none", "alpha_pattern", R"x({"q_proj(": 4})x"},
        BadField{"a_pattern_that_never_ends", "alpha_pattern", R"x({"([a-z._0-9]+)+[^a-z._0-9]": 4})x"},
        BadField{"patterns_in_a_list", "rank_pattern", "[4]"},
        BadField{"layers_beyond", "layers_to_transform", "[0, 2]"},
        BadField{"layers_below", "layers_to_transform", "-1"},
        BadField{"layers_as_text", "layers_to_transform", "[\"0\"]"},
        BadField{"layers_pattern_alone", "layers_pattern", "\"layers\""},
        BadField{"exclude_numbers", "exclude_modules", "[1]"},
        BadField{"another_megatron", "megatron_core", "\"mine\""},
        BadField{"deep_nesting", "exclude_modules", "[[[[[[[1]]]]]]]"},
        BadField{"pissa", "init_lora_weights", "\"pissa\""},
        BadField{"olora", "init_lora_weights", "\"olora\""},
        BadField{"loftq", "init_lora_weights", "\"loftq\""},
        BadField{"an_initialisation_by_number", "init_lora_weights", "1"},
        BadField{"eva_config_without_eva", "eva_config", "{\"rho\": 2.0}"},
        BadField{"a_field_of_the_future", "use_quantum", "1"}, BadField{"rank_zero", "r", "0"},
        BadField{"rank_text", "r", "\"3\""}, BadField{"rank_beyond", "r", "18446744073709551615"},
        BadField{"negative_alpha", "lora_alpha", "-1"}, BadField{"rslora_number", "use_rslora", "1"},
        BadField{"no_targets", "target_modules", "[]"}, BadField{"null_targets", "target_modules", "null"},
        BadField{"a_regex_that_hits_nothing", "target_modules", "\"q_proj\""},
        BadField{"a_regex_that_hits_the_head", "target_modules",
                 R"x(".*(q_proj|o_proj|down_proj|lm_head)")x"},
        BadField{"unknown_target", "target_modules", "[\"q_proj\", \"lm_head\"]"},
        BadField{"container", "target_modules", "[\"self_attn\"]"}),
    [](const auto& test) { return test.param.name; });

TEST_P(BrokenPeftConfig, field_is_refused_by_name_and_file) {
  const std::string message = refusal_of(GetParam().key, io::Json::parse(GetParam().value));
  EXPECT_THAT(message, HasSubstr(std::string("`") + GetParam().key));  // or an item of it
  EXPECT_THAT(message, HasSubstr("adapter_config.json"));
}

TEST_F(BrokenPeft, garbage_in_place_of_a_configuration_is_refused_by_its_file) {
  for (const std::string text : {"", "[]", "{\"r\": ", "\xff\xfe", "null"}) {
    write_file_atomic(path() / "adapter_config.json", text);
    EXPECT_THAT(refusal(), HasSubstr("adapter_config.json")) << text;
  }
}

TEST_F(BrokenPeft, a_configuration_nested_a_million_deep_is_refused) {
  write_file_atomic(
      path() / "adapter_config.json",
      R"({"peft_type": "LORA", "r": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}");
  EXPECT_THAT(refusal(), HasSubstr("adapter_config.json must nest at most 500 brackets"));
}

TEST_F(BrokenPeft, patterns_of_any_length_or_cost_end_in_one_line) {
  const std::string slow = "([a-z._0-9]+)+[^a-z._0-9]";
  EXPECT_THAT(refusal_of("target_modules", slow), AllOf(HasSubstr("steps"), HasSubstr(slow)));
  EXPECT_THAT(refusal_of("target_modules", std::string(5000, 'a')), HasSubstr("5000"));
  EXPECT_THAT(refusal_of("target_modules", std::string(900, '(')), HasSubstr("regular expression"));
  EXPECT_THAT(refusal_of("target_modules", "((a{1000}){1000}){1000}"), HasSubstr("regular expression"));
  EXPECT_THAT(refusal_of("target_modules", ".*{,3}q_proj"), HasSubstr("{0,n}"));
}

TEST_F(BrokenPeft, patterns_that_match_no_adapted_linear_are_ignored_whatever_they_say) {
  for (const io::Json& ignored :
       {io::Json{{"lm_head", 2}}, io::Json{{"^q_proj", 2}}, io::Json{{"v_proj", "x"}}}) {
    EXPECT_NO_THROW(load_with({{"rank_pattern", ignored}, {"alpha_pattern", ignored}})) << ignored;
  }
}

TEST_F(BrokenPeft, initialisations_that_leave_the_backbone_alone_are_read_like_any_other) {
  for (const char* init : {"gaussian", "orthogonal", "mica", "eva"}) {
    EXPECT_NO_THROW(load_with({{"init_lora_weights", init}})) << init;
  }
  EXPECT_NO_THROW(load_with({{"init_lora_weights", "eva"}, {"eva_config", {{"rho", 2.0}}}}));
  EXPECT_NO_THROW(load_with({{"init_lora_weights", "loftq"},
                             {"eva_config", nullptr},
                             {"loftq_config", {{"loftq_bits", 4}}},
                             {"base_model_name_or_path", "LoftQ/Meta-Llama-3-8B-4bit-64rank"}}));
}

TEST_F(BrokenPeft, names_with_the_adapters_own_name_in_them_are_read_too) {
  const Expert before = load_with(io::Json::object());
  {
    const auto file = io::SafetensorsFile::open(path() / "adapter_model.safetensors");
    std::vector<io::TensorView> views;
    for (const auto& [key, view] : file.tensors()) {
      views.push_back(view);
      views.back().name.insert(key.rfind('.'), ".default");
    }
    io::write_safetensors(path() / "renamed", views);
  }
  std::filesystem::rename(path() / "renamed", path() / "adapter_model.safetensors");
  testing::expect_equal(load_with(io::Json::object()).parameters().values(), before.parameters().values());
}

TEST_F(BrokenPeft, a_rank_pattern_must_fit_the_weights) {
  EXPECT_THAT(refusal_of("rank_pattern", {{"layers.1.self_attn.q_proj", 2}}),
              AllOf(HasSubstr("layers.1.self_attn.q_proj.lora_A"), HasSubstr("[2,32]"), HasSubstr("[3,32]")));
}

TEST_F(BrokenPeft, fewer_targets_than_weights_are_refused_by_a_weight) {
  EXPECT_THAT(refusal_of("layers_to_transform", 0), HasSubstr("layers.1."));
}

TEST(Peft, an_expert_that_adapts_nothing_cannot_be_saved) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(save_peft(Expert("none", tiny_config(), LoraPlan(tiny_config(), false)), folder / "x", "tiny"),
               ConfigError);
}

TEST(Peft, ranks_and_alphas_that_differ_are_saved_as_patterns) {
  const testing::TemporaryFolder folder;
  LoraPlan plan(tiny_config(), LoraOptions{2, 4.0, false, {model::Linear::kQ, model::Linear::kV}});
  plan.at(1, model::Linear::kV) = {3, 7.0};
  save_peft(Expert("mixed", tiny_config(), plan), folder / "x", "tiny");
  const io::Json config = io::read_json(folder / "x/adapter_config.json");
  EXPECT_EQ(config["rank_pattern"], io::Json({{"model.layers.1.self_attn.v_proj", 3}}));
  EXPECT_EQ(config["alpha_pattern"], io::Json({{"model.layers.1.self_attn.v_proj", 7.0}}));
  EXPECT_EQ(load_peft(folder / "x", "mixed", tiny_config()).plan().sizes, plan.sizes);
}

TEST_F(BrokenPeft, a_rank_that_the_weights_do_not_have_is_refused_before_it_is_allocated) {
  EXPECT_THAT(refusal_of("r", 1LL << 60),
              AllOf(HasSubstr("lora_A.weight"), HasSubstr("1152921504606846976")));
}

TEST_F(BrokenPeft, a_target_without_weights_is_refused_by_name) {
  replace(factor_, {});
  EXPECT_THAT(refusal(), HasSubstr(factor_));
}

TEST_F(BrokenPeft, a_weight_that_no_target_uses_is_refused_by_name) {
  const std::string stray = "base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight";
  replace(stray, at::zeros({32, 3}));
  EXPECT_THAT(refusal(), HasSubstr(stray));
}

TEST_F(BrokenPeft, a_weight_of_another_shape_is_refused_with_both_shapes) {
  replace(factor_, at::zeros({32, 4}));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(factor_), HasSubstr("[32,3]"), HasSubstr("[32,4]")));
}

TEST_F(BrokenPeft, a_weight_of_another_type_or_not_finite_is_refused) {
  replace(factor_, at::zeros({32, 3}, at::kInt));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(factor_), HasSubstr("I32")));
  replace(factor_, at::full({32, 3}, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(factor_), HasSubstr("finite")));
}

}  // namespace
}  // namespace routedk::experts
