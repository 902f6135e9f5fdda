#include "routedk/workflow/inspect/inspect.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/train/checkpoint.h"

#include <sstream>
#include <utility>

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::tiny_config;

using Inspect = void (*)(const InspectOptions&, std::ostream&);

std::string text_of(Inspect inspect, const std::filesystem::path& path, bool json) {
  std::ostringstream out;
  inspect({path, json}, out);
  return out.str();
}

io::Json json_of(Inspect inspect, const std::filesystem::path& path) {
  return io::Json::parse(text_of(inspect, path, true));
}

TEST(InspectAdapter, names_the_tensors_with_shapes_sizes_and_norms) {
  const testing::TemporaryFolder folder;
  const auto expert = testing::tiny_experts()[1];
  experts::save_peft(*expert, folder / "x", "tiny");
  const io::Json found = json_of(inspect_adapter, folder / "x");
  EXPECT_EQ(found["usable"], true);
  EXPECT_TRUE(found["problem"].is_null());
  EXPECT_FALSE(found["linears"].empty());
  for (const io::Json& linear : found["linears"]) {
    EXPECT_EQ(linear["rank"], 3) << linear;
  }
  EXPECT_EQ(found["config"]["r"], 3);
  EXPECT_EQ(found["parameters"], expert->parameters().size());
  EXPECT_EQ(found["bytes"], expert->parameters().size() * 4);
  ASSERT_EQ(found["tensors"].size(), 12U);
  const io::Json& first = found["tensors"][0];
  EXPECT_EQ(first["name"], "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight");
  EXPECT_EQ(first["type"], "F32");
  EXPECT_EQ(first["shape"], io::Json({3, 48}));
  const at::Tensor a = expert->factors(0, model::Linear::kDown).a;
  EXPECT_NEAR(first["norm"].get<double>(), std::sqrt(a.square().sum().item<double>()), 1e-5);
  EXPECT_THAT(text_of(inspect_adapter, folder / "x", false),
              AllOf(HasSubstr("use_rslora"), HasSubstr("down_proj.lora_A.weight"), HasSubstr("[3,48]")));
}

TEST(InspectAdapter, says_first_why_an_adapter_cannot_be_used) {
  const testing::TemporaryFolder folder;
  experts::save_peft(*testing::tiny_experts()[1], folder / "x", "tiny");
  const std::string good = text_of(inspect_adapter, folder / "x", false);
  EXPECT_TRUE(good.starts_with("usable                     yes")) << good;
  EXPECT_THAT(good, HasSubstr("\nmlp.down_proj           3"));
  EXPECT_THAT(good, Not(HasSubstr("modules_to_save"))) << "null fields are not shown";
  const io::Json settings = io::read_json(folder / "x/adapter_config.json");
  for (const auto& [field, value] :
       {std::pair("use_dora", io::Json(true)), std::pair("bias", io::Json("all")),
        std::pair("peft_type", io::Json("IA3")), std::pair("modules_to_save", io::Json::array({"lm_head"})),
        std::pair("target_modules", io::Json::array({"embed_tokens"}))}) {
    io::Json changed = settings;
    changed[field] = value;
    io::write_json(folder / "x/adapter_config.json", changed);
    const std::string text = text_of(inspect_adapter, folder / "x", false);
    EXPECT_TRUE(text.starts_with("usable                     no: ")) << text;
    EXPECT_THAT(text.substr(0, text.find('\n')), HasSubstr(field));
    EXPECT_EQ(json_of(inspect_adapter, folder / "x")["usable"], false) << field;
  }
}

TEST(InspectAdapter, compares_shapes_with_a_model) {
  const testing::TemporaryFolder folder;
  experts::save_peft(*testing::tiny_experts()[1], folder / "x", "tiny");
  testing::tiny_llama().save(folder / "tiny.gguf");
  std::ostringstream fits;
  inspect_adapter({folder / "x", false, folder / "tiny.gguf"}, fits);
  EXPECT_THAT(fits.str(), HasSubstr("yes, with this model"));
  auto wider = tiny_config();
  wider.ffn *= 2;
  const experts::Expert other("other", wider, experts::LoraOptions{.rank = 2, .alpha = 4.0});
  experts::save_peft(other, folder / "y", "tiny");
  EXPECT_EQ(json_of(inspect_adapter, folder / "y")["usable"], true) << "nothing tells what its model is";
  std::ostringstream differs;
  inspect_adapter({folder / "y", false, folder / "tiny.gguf"}, differs);
  EXPECT_THAT(differs.str(), HasSubstr("no: tensor `base_model.model.model.layers.0.mlp.gate_proj.lora_B"));
}

TEST(InspectRouter, lists_layers_in_the_order_of_their_numbers) {
  const testing::TemporaryFolder folder;
  experts::save_router(experts::RouterGate(11, 32, 2, {.kind = experts::RouterKind::kStatic}), {"x", "y"},
                       folder / "router");
  const io::Json found = json_of(inspect_router, folder / "router");
  EXPECT_EQ(found["tensors"][2]["name"], "router.2.bias");
  EXPECT_EQ(found["tensors"][10]["name"], "router.10.bias");
}

TEST(InspectRouter, shows_options_and_weights) {
  const testing::TemporaryFolder folder;
  experts::save_router(experts::RouterGate(2, 32, 3, {.top_k = 2}), {"x", "y", "z"}, folder / "router");
  const io::Json found = json_of(inspect_router, folder / "router");
  EXPECT_EQ(found["config"]["top_k"], 2);
  EXPECT_EQ(found["config"]["experts"], io::Json({"x", "y", "z"}));
  EXPECT_EQ(found["parameters"], 2 * 3 * 33);
  EXPECT_EQ(found["tensors"][1]["name"], "router.0.weight");
  EXPECT_EQ(found["tensors"][1]["norm"], 0.0);
}

TEST(InspectRouter, shows_a_static_gates_biases) {
  const testing::TemporaryFolder folder;
  experts::save_router(experts::RouterGate(2, 32, 3, {.kind = experts::RouterKind::kStatic}), {"x", "y", "z"},
                       folder / "gate");
  const io::Json found = json_of(inspect_router, folder / "gate");
  EXPECT_EQ(found["parameters"], 2 * 3);
  EXPECT_EQ(found["tensors"][0]["name"], "router.0.bias");
  EXPECT_EQ(found["config"]["model"]["hidden_size"], 32);
}

TEST(InspectCheckpoint, takes_the_newest_of_a_folder_and_shows_its_state) {
  const testing::TemporaryFolder folder;
  train::Checkpoint checkpoint;
  checkpoint.fingerprint = io::Json::object();
  checkpoint.machine = io::Json::object();
  train::GroupState& group = checkpoint.groups["base"];
  group.values = at::full({4}, 2.0F);
  group.moments = {at::zeros({4}), at::zeros({4})};
  for (const std::int64_t step : {3, 12}) {
    checkpoint.step = step;
    group.progress.step = step;
    train::save_checkpoint(folder / "all", checkpoint, 2);
  }
  const io::Json newest = json_of(inspect_checkpoint, folder / "all");
  EXPECT_EQ(newest["config"]["step"], 12);
  EXPECT_EQ(json_of(inspect_checkpoint, folder / "all/step-000003")["config"]["groups"]["base"]["step"], 3);
  EXPECT_EQ(newest["parameters"], 12);
  EXPECT_EQ(newest["tensors"][2]["name"], "base.values");
  EXPECT_EQ(newest["tensors"][2]["norm"], 4.0);
}

TEST(Inspect, folders_that_hold_something_else_are_refused_by_the_missing_file) {
  const testing::TemporaryFolder folder;
  const std::vector<std::pair<Inspect, std::string>> all = {{inspect_adapter, "adapter_config.json"},
                                                            {inspect_router, "router_config.json"},
                                                            {inspect_checkpoint, "state.json"}};
  for (const auto& [inspect, file] : all) {
    EXPECT_THAT(testing::message_of<FileError>([&] { text_of(inspect, folder / "none", false); }),
                HasSubstr(file));
  }
}

}  // namespace
}  // namespace routedk::workflow
