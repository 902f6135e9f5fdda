#include "routedk/io/jsonl.h"
#include "routedk/model/backbone.h"

#include "core/temporary_folder.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::dense;
using testing::expect_close;
using testing::Golden;

const io::Json& grid() {
  static const io::Json cases = io::read_json(testing::golden_path("llama_grid/cases.json"));
  return cases;
}

const Golden& tensors() {
  static const Golden golden("llama_grid/grid.safetensors");
  return golden;
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& [name, value] : grid()["cases"].items()) {
    names.push_back(name);
  }
  return names;
}

/// One model of the grid, written as the folder that transformers would read.
class LlamaGrid : public ::testing::TestWithParam<std::string> {
 protected:
  const io::Json& description() const { return grid()["cases"][GetParam()]; }

  /// The parameters are consecutive pieces of the pool, which wraps round; a norm's are 1 + x / 2.
  void write_weights() const {
    const at::Tensor pool = tensors()["pool"];
    std::vector<at::Tensor> held;
    std::vector<io::TensorView> views;
    std::int64_t used = 0;
    for (const io::Json& parameter : description()["parameters"]) {
      const auto name = parameter[0].get<std::string>();
      const auto shape = parameter[1].get<std::vector<std::int64_t>>();
      const std::int64_t count = c10::multiply_integers(shape);
      const at::Tensor values =
          pool.index_select(0, at::arange(used, used + count).remainder(pool.size(0))).view(shape);
      held.push_back(name.find("norm") == std::string::npos ? values : 1 + values / 2);
      views.push_back(quant::to_view(name, held.back()));
      used += count;
    }
    io::write_safetensors(folder_ / "model.safetensors", views);
  }

  at::Tensor logits(const io::Json& config, const LoadOptions& options) const {
    write_weights();
    io::write_json(folder_ / "config.json", config);
    const auto ids = grid()["ids"].get<std::vector<std::int32_t>>();
    return testing::logits_of(Backbone::load(folder_.path(), options), {ids});
  }

  testing::TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Transformers, LlamaGrid, ::testing::ValuesIn(case_names()),
                         [](const auto& test) { return test.param; });

TEST_P(LlamaGrid, float32_logits_are_within_1e_4_of_transformers) {
  expect_close(logits(description()["config"], dense()), tensors()["logits." + GetParam()], {0.0, 1e-4});
}

/// Eight bits of mantissa: a unit in the last place of the largest logits is 2^-6; sums round a few times.
TEST_P(LlamaGrid, bfloat16_logits_are_within_the_types_tolerance) {
  const at::Tensor wanted = tensors()["logits." + GetParam()];
  const at::Tensor found = logits(description()["config"], dense(kernels::Precision::kBFloat16));
  expect_close(found, wanted, {0.0, 0.1});
  const std::string theirs = "bf16." + GetParam();
  if (tensors().file().tensors().contains(theirs)) {
    EXPECT_LT((found - wanted).pow(2).mean().sqrt().item<double>(),
              2.0 * (tensors()[theirs] - wanted).pow(2).mean().sqrt().item<double>());
  }
}

TEST(LlamaGridSpelling, the_older_spelling_of_the_rotary_embedding_gives_the_same_logits) {
  const io::Json& description = grid()["cases"]["h4g2_scaled"];
  io::Json config = description["config"];
  io::Json rope = config["rope_parameters"];
  config.erase("rope_parameters");
  config["rope_theta"] = rope["rope_theta"];
  rope.erase("rope_theta");
  config["rope_scaling"] = rope;
  const testing::TemporaryFolder folder;
  io::write_json(folder / "old.json", config);
  io::write_json(folder / "new.json", description["config"]);
  const at::Tensor old = inverse_frequencies(LlamaConfig::from_json(folder / "old.json"));
  testing::expect_equal(old, inverse_frequencies(LlamaConfig::from_json(folder / "new.json")));
  LlamaConfig plain = LlamaConfig::from_json(folder / "new.json");
  plain.rope_scaling.reset();
  EXPECT_FALSE(at::equal(old, inverse_frequencies(plain)));
}

void expect_golden_logits(const std::string& name, const LoadOptions& options, double deviation) {
  const Golden golden("llama_grid/" + name + "/logits.safetensors");
  const Backbone backbone = Backbone::load(testing::golden_path("llama_grid/" + name), options);
  expect_close(testing::logits_of(backbone, {testing::ids_of(golden["ids"])}), golden["logits"],
               {0.0, deviation});
}

TEST(HuggingFaceFolder, shards_of_transformers_give_its_logits) {
  expect_golden_logits("sharded", dense(), 1e-4);
}

class BitsAndBytesFolder : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Folders, BitsAndBytesFolder, ::testing::Values("nf4", "nf4_double"));

TEST_P(BitsAndBytesFolder, gives_the_logits_of_the_weights_that_bitsandbytes_decodes) {
  expect_golden_logits(GetParam(), LoadOptions{.quant = Quant::kNf4}, 1e-3);
  expect_golden_logits(GetParam(), dense(), 1e-3);
}

TEST_P(BitsAndBytesFolder, is_taken_as_it_is) {
  const Backbone backbone = Backbone::load(testing::golden_path(std::string("llama_grid/") + GetParam()), {});
  const Golden golden(std::string("llama_grid/") + GetParam() + "/model.safetensors");
  for (std::size_t layer = 0; layer < 2; ++layer) {
    for (int i = 0; i < kLinears; ++i) {
      const auto linear = static_cast<Linear>(i);
      const std::string name =
          "model.layers." + std::to_string(layer) + "." + linear_module(linear) + ".weight";
      const at::Tensor stored = golden[name];
      EXPECT_EQ(testing::is_nf4(backbone.layers()[layer][linear]), stored.scalar_type() == at::kByte) << name;
    }
  }
  EXPECT_TRUE(testing::is_nf4(backbone.layers()[0][Linear::kDown]));
  EXPECT_EQ(testing::is_nf4(backbone.layers()[1][Linear::kDown]), GetParam() == std::string("nf4_double"));
}

}  // namespace
}  // namespace routedk::model
