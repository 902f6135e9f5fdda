#include "routedk/experts/router_file.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"
#include "routedk/quant/tensor_view.h"

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include "support/tiny_llama.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::experts {
namespace {

using testing::expect_equal;
using ::testing::HasSubstr;
using testing::tiny_config;

class RouterFile : public ::testing::Test {
 protected:
  RouterFile() : saved_(tiny_config().layers, tiny_config().hidden, 3) {
    saved_.parameters().values().copy_(at::cos(at::arange(saved_.parameters().size(), at::kFloat)));
    save_router(saved_, {"base", "high_level", "fine_grained"}, path());
  }

  std::filesystem::path path() const { return folder_ / "router"; }
  std::string refusal() const {
    return testing::message_of<FileError>([&] { load_router(path(), tiny_config()); });
  }
  void write_config(const std::string& json) const {
    io::write_json(path() / "router_config.json", io::Json::parse(json));
  }

  RouterGate saved_;

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(RouterFile, a_saved_router_comes_back_bit_for_bit_with_its_experts) {
  const NamedRouter loaded = load_router(path(), tiny_config());
  EXPECT_EQ(loaded.experts, (std::vector<std::string>{"base", "high_level", "fine_grained"}));
  expect_equal(loaded.gate.parameters().values(), saved_.parameters().values());
}

TEST_F(RouterFile, tensors_bear_the_names_of_the_format) {
  const auto file = io::SafetensorsFile::open(path() / "router.safetensors");
  EXPECT_EQ(file.at("router.1.weight").shape, (std::vector<std::int64_t>{3, 32}));
  expect_equal(quant::to_tensor(file.at("router.1.bias")), saved_.bias(1));
  EXPECT_EQ(file.tensors().size(), 4U);
}

TEST_F(RouterFile, every_key_but_experts_may_be_missing_or_at_its_default) {
  write_config(R"({"experts": ["x", "y", "z"]})");
  EXPECT_EQ(load_router(path(), tiny_config()).experts[1], "y");
  write_config(
      R"({"experts": ["x", "y", "z"], "temperature": 1, "pool": "mean", "top_k": 0, "model": {"any": 1}})");
  EXPECT_EQ(load_router(path(), tiny_config()).experts[2], "z");
}

TEST_F(RouterFile, values_that_are_not_computed_are_refused_by_name) {
  const std::vector<std::pair<std::string, std::string>> unsupported = {{"scale", R"("sigmoid")"},
                                                                        {"granularity", R"("token")"},
                                                                        {"temperature", "0"},
                                                                        {"temperature", R"("warm")"},
                                                                        {"pool", R"("attention")"},
                                                                        {"pool_span", R"("items")"},
                                                                        {"pool_norm", R"("layer")"},
                                                                        {"top_k", "4"},
                                                                        {"top_k", "-1"},
                                                                        {"top_k", "1.5"},
                                                                        {"model", "3"},
                                                                        {"temprature", "1.0"},
                                                                        {"scale", "[[[[1]]]]"}};
  for (const auto& [key, value] : unsupported) {
    write_config(R"({"experts": ["x", "y", "z"], ")" + key + R"(": )" + value + "}");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("`" + key + "`"), HasSubstr("router_config.json")));
  }
}

TEST_F(RouterFile, options_come_back_and_a_global_router_has_one_pair_of_tensors) {
  const RouterOptions options{.granularity = Granularity::kGlobal,
                              .scale = AlphaScale::kKSoftmax,
                              .temperature = 0.5,
                              .top_k = 2,
                              .threshold = 0.25,
                              .pool_norm = PoolNorm::kRms};
  RouterGate gate(2, 32, 3, options);
  gate.parameters().values().copy_(at::sin(at::arange(gate.parameters().size(), at::kFloat)));
  save_router(gate, {"x", "y", "z"}, path());
  const auto file = io::SafetensorsFile::open(path() / "router.safetensors");
  EXPECT_EQ(file.at("router.global.weight").shape, (std::vector<std::int64_t>{3, 32}));
  EXPECT_EQ(file.tensors().size(), 2U);
  const NamedRouter loaded = load_router(path(), tiny_config());
  EXPECT_EQ(loaded.gate.options(), options);
  expect_equal(loaded.gate.parameters().values(), gate.parameters().values());
}

TEST_F(RouterFile, a_static_gate_is_stored_as_biases_alone) {
  for (const bool global : {false, true}) {
    RouterGate gate(2, 32, 3,
                    {.kind = RouterKind::kStatic,
                     .granularity = global ? Granularity::kGlobal : Granularity::kLayer,
                     .temperature = 2.0});
    gate.parameters().values().copy_(at::sin(at::arange(gate.parameters().size(), at::kFloat)));
    save_router(gate, {"x", "y", "z"}, path());
    const auto file = io::SafetensorsFile::open(path() / "router.safetensors");
    EXPECT_EQ(file.tensors().size(), global ? 1U : 2U);
    expect_equal(quant::to_tensor(file.at(global ? "router.global.bias" : "router.0.bias")), gate.bias(0));
    const NamedRouter loaded = load_router(path(), tiny_config());
    EXPECT_EQ(loaded.gate.options(), gate.options());
    expect_equal(loaded.gate.parameters().values(), gate.parameters().values());
  }
}

TEST_F(RouterFile, a_static_gate_that_pools_or_has_some_weights_is_refused) {
  save_router(RouterGate(2, 32, 3, {.kind = RouterKind::kStatic}), {"x", "y", "z"}, path());
  write_config(R"({"experts": ["x", "y", "z"], "pool_norm": "rms"})");
  EXPECT_THAT(refusal(), HasSubstr("`pool_norm`"));
  write_config(R"({"experts": ["x", "y", "z"]})");
  const auto with_biases = [&](const std::string& weight) {
    const io::TensorView weights = quant::to_view(weight, saved_.weight(0));
    const std::vector<io::TensorView> views = {quant::to_view("router.0.bias", saved_.bias(0)),
                                               quant::to_view("router.1.bias", saved_.bias(1)), weights};
    io::write_safetensors(path() / "router.safetensors", views);
    return refusal();
  };
  EXPECT_THAT(with_biases("router.1.weight"), HasSubstr("`router.1.weight`"));
  EXPECT_THAT(with_biases("router.0.weight"), HasSubstr("`router.1.weight`"));
}

TEST_F(RouterFile, experts_must_be_different_names_that_fit_the_weights) {
  for (const char* experts :
       {"{}", R"({"experts": []})", R"({"experts": "x"})", R"({"experts": ["x", "x", "y"]})"}) {
    write_config(experts);
    EXPECT_THAT(refusal(), HasSubstr("`experts`"));
  }
  write_config(R"({"experts": ["x", "y"]})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("`router.0.weight`"), HasSubstr("[2,32]"), HasSubstr("[3,32]")));
}

TEST_F(RouterFile, a_router_of_a_deeper_model_is_refused_by_its_first_stray_tensor) {
  save_router(RouterGate(3, 32, 3), {"x", "y", "z"}, path());
  EXPECT_THAT(refusal(), HasSubstr("`router.2.bias`"));
}

}  // namespace
}  // namespace routedk::experts
