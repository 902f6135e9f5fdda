#include "routedk/model/hf_folder.h"

#include "routedk/core/error.h"
#include "routedk/io/safetensors_shards.h"
#include "routedk/model/backbone.h"
#include "routedk/model/weight_source.h"
#include "routedk/quant/nf4_checkpoint.h"

#include "core/temporary_folder.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/tiny_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::content_of;
using testing::dense;
using testing::entries_of;
using testing::expect_equal;
using ::testing::HasSubstr;
using testing::logits_of;
using testing::message_of;
using testing::TemporaryFolder;
using testing::tiny_settings;
using testing::write_tiny_folder;

const testing::Sequences kText = {{3, 1, 4, 1, 5, 9, 2, 6}};

at::Tensor logits_in(const std::filesystem::path& model, const LoadOptions& options = dense()) {
  return logits_of(Backbone::load(model, options), kText);
}

TEST(HfFolder, a_written_folder_has_the_logits_of_the_same_weights_in_a_gguf) {
  const TemporaryFolder folder;
  testing::tiny_llama().save(folder / "tiny.gguf");
  const auto source = WeightSource::open(folder / "tiny.gguf");
  FolderOptions settings = tiny_settings();
  settings.original = folder / "tiny.gguf";
  write_hf_folder(
      settings, [&](const Parameter& p) { return source->dense(p.name, p.shape); }, folder / "hf");
  expect_equal(logits_in(folder / "hf"), logits_in(folder / "tiny.gguf"));
}

/// A head's half-split rows as a GGUF interleaves them: row j * C/2 + i goes to 2i + j.
std::vector<float> interleaved(const at::Tensor& bias, std::int64_t head_dim) {
  const at::Tensor turned = bias.view({-1, 2, head_dim / 2}).transpose(1, 2).contiguous();
  return {turned.const_data_ptr<float>(), turned.const_data_ptr<float>() + turned.numel()};
}

TEST(HfFolder, biases_and_rotary_divisors_of_a_gguf_equal_those_of_a_folder) {
  const TemporaryFolder folder;
  FolderOptions settings = tiny_settings();
  settings.config.attention_bias = true;
  const at::Tensor plain = inverse_frequencies(settings.config);
  settings.config.rope_scaling = RopeScaling{8.0, 1.0, 4.0, 64};
  const at::Tensor divisors = plain / inverse_frequencies(settings.config);
  testing::GgufWriter gguf = testing::tiny_llama();
  gguf.tensor("rope_freqs.weight", {4},
              {divisors.const_data_ptr<float>(), divisors.const_data_ptr<float>() + 4});
  for (const std::int64_t layer : {0, 1}) {
    for (const auto& [linear, name] :
         {std::pair(Linear::kQ, "attn_q"), std::pair(Linear::kK, "attn_k"), std::pair(Linear::kV, "attn_v"),
          std::pair(Linear::kO, "attn_output")}) {
      const std::int64_t size = linear_shape(settings.config, linear).out;
      const at::Tensor bias = testing::tiny_parameter({module_name(layer, linear) + ".bias", {size}});
      const bool rotated = linear == Linear::kQ || linear == Linear::kK;
      gguf.tensor(fmt::format("blk.{}.{}.bias", layer, name), {size}, interleaved(bias, rotated ? 8 : 2));
    }
  }
  gguf.save(folder / "tiny.gguf");
  const auto source = WeightSource::open(folder / "tiny.gguf");
  write_hf_folder(
      settings, [&](const Parameter& p) { return source->dense(p.name, p.shape); }, folder / "hf");
  testing::expect_close(logits_in(folder / "hf"), logits_in(folder / "tiny.gguf"), {0.0, 1e-5});
  const Parameter key{module_name(1, Linear::kK) + ".bias", {16}};
  expect_equal(source->dense(key.name, key.shape), testing::tiny_parameter(key));
}

TEST(HfFolder, shards_give_the_same_model_as_one_file) {
  const TemporaryFolder folder;
  FolderOptions settings = tiny_settings();
  write_tiny_folder(folder / "one", settings);
  settings.shard_bytes = 20000;
  write_tiny_folder(folder / "many", settings);
  EXPECT_GT(entries_of(folder / "many"), 3);
  EXPECT_TRUE(std::filesystem::exists(folder / "many" / "model.safetensors.index.json"));
  expect_equal(logits_in(folder / "one"), logits_in(folder / "many"));
}

TEST(HfFolder, biases_and_types_survive_writing) {
  const TemporaryFolder folder;
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    FolderOptions settings = tiny_settings(dtype);
    settings.config.attention_bias = true;
    settings.config.mlp_bias = true;
    settings.config.rope_scaling = RopeScaling{4.0, 1.0, 2.0, 32};
    const std::string name = at::toString(dtype);
    write_tiny_folder(folder / name, settings);
    const auto source = WeightSource::open(folder / name);
    EXPECT_EQ(source->dtype(), dtype);
    for (const Parameter& p : parameters(settings.config)) {
      SCOPED_TRACE(p.name);
      expect_equal(source->dense(p.name, p.shape), testing::tiny_parameter(p).to(dtype));
    }
    EXPECT_EQ(source->config().rope_scaling->original_context, 32);
    EXPECT_NO_THROW(source->finish());
  }
}

TEST(HfFolder, other_files_and_fields_of_the_original_go_along) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "a");
  (void)folder.write("a/tokenizer.json", "{}");
  (void)folder.write("a/other.txt", "no");
  io::Json config = io::read_json(folder / "a" / "config.json");
  config["eos_token_id"] = {7, 8};
  io::write_json(folder / "a" / "config.json", config);
  FolderOptions settings = tiny_settings(at::kBFloat16);
  settings.original = folder / "a";
  write_tiny_folder(folder / "b", settings);
  EXPECT_EQ(content_of(folder / "b" / "tokenizer.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(folder / "b" / "other.txt"));
  const io::Json written = io::read_json(folder / "b" / "config.json");
  EXPECT_EQ(written["eos_token_id"].dump(), "[7,8]");
  EXPECT_EQ(written["torch_dtype"], "bfloat16");
}

TEST(HfFolder, a_folder_in_use_is_refused_and_a_failed_write_leaves_nothing) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "m");
  EXPECT_THAT(message_of<ConfigError>([&] { write_tiny_folder(folder / "m"); }),
              HasSubstr("must be a new or an empty folder"));
  const auto broken = [](const Parameter&) -> at::Tensor { throw_<SystemError>("no more"); };
  EXPECT_THROW(write_hf_folder(tiny_settings(), broken, folder / "n"), SystemError);
  EXPECT_EQ(entries_of(folder.path()), 1);
}

class Nf4Folder : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(DoubleQuant, Nf4Folder, ::testing::Bool());

TEST_P(Nf4Folder, loads_to_the_very_weights_that_loading_the_dense_model_packs) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "dense");
  save_nf4_folder(folder / "dense", GetParam(), folder / "nf4");
  LoadOptions options{.quant = Quant::kNf4, .double_quant = GetParam()};
  expect_equal(logits_in(folder / "nf4", options), logits_in(folder / "dense", options));
  options.double_quant = !GetParam();  // what is stored is taken as it is
  const Backbone stored = Backbone::load(folder / "nf4", options);
  expect_equal(logits_of(stored, kText), logits_in(folder / "nf4"));
  EXPECT_TRUE(testing::is_nf4(stored.layers()[1][Linear::kUp]));
}

TEST_P(Nf4Folder, says_so_in_config_json) {
  const TemporaryFolder folder;
  testing::tiny_llama().save(folder / "tiny.gguf");
  save_nf4_folder(folder / "tiny.gguf", GetParam(), folder / "nf4");
  const io::Json config = io::read_json(folder / "nf4" / "config.json");
  EXPECT_EQ(config["quantization_config"]["bnb_4bit_use_double_quant"], GetParam());
  EXPECT_EQ(config["quantization_config"]["bnb_4bit_quant_type"], "nf4");
  EXPECT_EQ(config["torch_dtype"], "float32");
  LoadOptions options{.quant = Quant::kNf4, .double_quant = GetParam()};
  expect_equal(logits_in(folder / "nf4", options), logits_in(folder / "tiny.gguf", options));
}

TEST(Nf4FolderLoading, keep_leaves_a_dense_folder_dense_and_a_packed_one_packed) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "dense");
  save_nf4_folder(folder / "dense", true, folder / "nf4");
  const LoadOptions keep{.quant = Quant::kKeep};
  expect_equal(logits_in(folder / "dense", keep), logits_in(folder / "dense"));
  EXPECT_TRUE(testing::is_nf4(Backbone::load(folder / "nf4", keep).layers()[1][Linear::kUp]));
  EXPECT_TRUE(testing::is_nf4(Backbone::load(folder / "dense", {}).layers()[1][Linear::kUp]));
}

TEST(Nf4FolderLoading, is_not_quantised_again) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "dense");
  save_nf4_folder(folder / "dense", true, folder / "nf4");
  EXPECT_THAT(message_of<ConfigError>([&] { save_nf4_folder(folder / "nf4", true, folder / "again"); }),
              HasSubstr("is NF4 already"));
}

TEST(Nf4FolderLoading, a_dense_linear_must_be_excepted_by_name) {
  const TemporaryFolder folder;
  write_tiny_folder(folder / "m");
  io::Json config = io::read_json(folder / "m" / "config.json");
  io::Json q = {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}, {"bnb_4bit_quant_type", "nf4"}};
  config["quantization_config"] = q;
  io::write_json(folder / "m" / "config.json", config);
  EXPECT_THAT(
      message_of<FileError>([&] { Backbone::load(folder / "m", {}); }),
      HasSubstr("`model.layers.0.self_attn.q_proj.weight` must be NF4 or in `llm_int8_skip_modules`"));
  config["quantization_config"]["llm_int8_skip_modules"] = {"model.layers.0", "_proj"};
  io::write_json(folder / "m" / "config.json", config);
  EXPECT_FALSE(testing::is_nf4(Backbone::load(folder / "m", {}).layers()[1][Linear::kGate]));
}

TEST(Nf4FolderLoading, other_quantisations_are_refused_by_field) {
  const auto with = [](const char* key, const io::Json& value) {
    return testing::refused_config([&](io::Json& config) {
      config["quantization_config"] = {{"load_in_4bit", true}, {"bnb_4bit_quant_type", "nf4"}};
      config["quantization_config"][key] = value;
    });
  };
  EXPECT_THAT(with("quant_method", "gptq"),
              HasSubstr("`quantization_config.quant_method` must be bitsandbytes"));
  EXPECT_THAT(with("load_in_8bit", true), HasSubstr("`quantization_config.load_in_8bit` must be false"));
  EXPECT_THAT(with("load_in_4bit", false), HasSubstr("`quantization_config.load_in_4bit` must be true"));
  EXPECT_THAT(with("bnb_4bit_quant_type", "fp4"), HasSubstr("bnb_4bit_quant_type` must be nf4"));
  EXPECT_THAT(with("bnb_4bit_quant_storage", "bfloat16"), HasSubstr("bnb_4bit_quant_storage` must be uint8"));
}

/// The folder's weights with one tensor added, or its own put in place of one.
void put_tensor(const std::filesystem::path& folder, const std::string& name, const at::Tensor& value) {
  std::vector<io::TensorView> views = {quant::to_view(name, value)};
  const auto file = io::SafetensorsFile::open(folder / "model.safetensors");
  for (const auto& [other, view] : file.tensors()) {
    if (other != name) {
      views.push_back(view);
    }
  }
  io::write_safetensors(folder / "model.safetensors", views);
}

TEST(HfFolderLoading, the_named_leftovers_are_let_pass_and_no_others) {
  const TemporaryFolder folder;
  FolderOptions settings = tiny_settings();
  settings.config.tied_head = true;
  write_tiny_folder(folder / "m", settings);
  const at::Tensor before = logits_in(folder / "m");
  const Parameter embedding{kEmbedding, {40, 32}};
  put_tensor(folder / "m", "model.layers.0.self_attn.rotary_emb.inv_freq", at::zeros({4}));
  put_tensor(folder / "m", kHead, testing::tiny_parameter(embedding));
  expect_equal(logits_in(folder / "m"), before);
  put_tensor(folder / "m", kHead, testing::tiny_parameter(embedding) + 1);
  EXPECT_THAT(message_of<FileError>([&] { logits_in(folder / "m"); }),
              HasSubstr("`lm_head.weight` must repeat the embedding"));
  put_tensor(folder / "m", kHead, testing::tiny_parameter(embedding));
  put_tensor(folder / "m", "model.layers.2.mlp.up_proj.weight", at::zeros({48, 32}));
  EXPECT_THAT(message_of<FileError>([&] { logits_in(folder / "m"); }),
              HasSubstr("`model.layers.2.mlp.up_proj.weight` does not"));
}

TEST(HfFolderLoading, tensors_that_are_missing_misshapen_mistyped_or_not_finite_are_named) {
  const TemporaryFolder folder;
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  const auto with = [&](const at::Tensor& value) {
    std::filesystem::remove_all(folder / "m");
    write_tiny_folder(folder / "m");
    put_tensor(folder / "m", name, value);
    return message_of<FileError>([&] { logits_in(folder / "m"); });
  };
  EXPECT_THAT(with(at::zeros({47, 32})),
              ::testing::AllOf(HasSubstr(name), HasSubstr("[48,32]"), HasSubstr("F32 [47,32]")));
  EXPECT_THAT(with(at::zeros({48, 32}, at::kLong)), HasSubstr("F32, F16 or BF16"));
  EXPECT_THAT(with(at::full({48, 32}, INFINITY)), HasSubstr("`" + name + "` must be finite"));
  FolderOptions settings = tiny_settings();
  settings.config.layers = 1;
  write_tiny_folder(folder / "short", settings);
  io::Json config = io::read_json(folder / "short" / "config.json");
  config["num_hidden_layers"] = 2;
  io::write_json(folder / "short" / "config.json", config);
  EXPECT_THAT(message_of<FileError>([&] { logits_in(folder / "short"); }), HasSubstr("`model.layers.1."));
}

TEST(QuantizeTensors, each_matrix_becomes_nf4_and_the_rest_goes_along) {
  const TemporaryFolder folder;
  const at::Tensor odd = at::sin(at::arange(91, at::kFloat)).view({7, 13});
  const at::Tensor half = at::cos(at::arange(640, at::kFloat)).view({5, 128}).to(at::kBFloat16);
  const at::Tensor vector = at::arange(3, at::kHalf);
  const at::Tensor ids = at::arange(6, at::kLong).view({2, 3});
  io::write_safetensors(folder / "in",
                        std::vector{quant::to_view("odd", odd), quant::to_view("half.weight", half),
                                    quant::to_view("vector", vector), quant::to_view("ids", ids)});
  for (const bool double_quant : {false, true}) {
    quantize_tensors(folder / "in", double_quant, folder / "out");
    const auto file = io::SafetensorsFile::open(folder / "out");
    const quant::FindTensor find = [&](const std::string& name) {
      const auto found = file.tensors().find(name);
      return found == file.tensors().end() ? quant::StoredTensor{}
                                           : quant::StoredTensor{&found->second, file.mapping()};
    };
    for (const auto& [name, matrix] : {std::pair("odd", odd), std::pair("half.weight", half)}) {
      const auto stored = quant::read_nf4(name, find);
      const auto wanted = kernels::Nf4::quantize(matrix, double_quant);
      SCOPED_TRACE(name);
      expect_equal(kernels::dequantize(stored, at::kFloat), kernels::dequantize(wanted, at::kFloat));
      EXPECT_EQ(file.at(name).shape, (std::vector<std::int64_t>{(matrix.numel() + 1) / 2, 1}));
    }
    expect_equal(quant::to_tensor(file.at("vector")), vector);
    expect_equal(quant::to_tensor(file.at("ids")), ids);
    EXPECT_EQ(file.tensors().size(), double_quant ? 14U : 10U);
  }
}

}  // namespace
}  // namespace routedk::model
