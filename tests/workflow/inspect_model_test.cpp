#include "routedk/io/jsonl.h"
#include "routedk/workflow/inspect/inspect.h"
#include "routedk/workflow/inspect/quantize.h"

#include <cmath>
#include <sstream>

#include "support/tiny_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

std::string inspected(const std::filesystem::path& model, bool json) {
  std::ostringstream out;
  inspect_model({model, json}, out);
  return out.str();
}

TEST(InspectModel, json_has_the_shape_the_sums_and_every_tensor_with_its_norm) {
  const TemporaryFolder folder;
  testing::write_tiny_folder(folder / "m", testing::tiny_settings(at::kBFloat16));
  const io::Json found = io::Json::parse(inspected(folder / "m", true));
  EXPECT_EQ(found["config"]["hidden_size"], 32);
  EXPECT_EQ(found["tensors"].size(), 21U);
  EXPECT_EQ(found["bytes"], 2 * found["parameters"].get<std::int64_t>());
  EXPECT_EQ(found["types"]["BF16"]["tensors"], 21);
  const io::Json& last = found["tensors"].back();
  EXPECT_EQ(last["name"], "lm_head.weight");
  EXPECT_EQ(last["shape"].dump(), "[40,32]");
  double squares = 0;
  for (const float value : testing::tiny_values("lm_head.weight", 40 * 32, 0.0, 0.3)) {
    squares += double{value} * double{value};
  }
  EXPECT_NEAR(last["norm"].get<double>(), std::sqrt(squares), 0.01);
}

TEST(InspectModel, text_lists_tensors_and_types_of_a_quantised_model) {
  const TemporaryFolder folder;
  testing::tiny_llama().save(folder / "tiny.gguf");
  quantize({folder / "tiny.gguf", {}, folder / "nf4", true});
  const std::string text = inspected(folder / "nf4", false);
  EXPECT_THAT(text, HasSubstr("NF4 double"));
  EXPECT_THAT(text, HasSubstr("model.layers.1.mlp.down_proj.weight"));
  EXPECT_THAT(text, HasSubstr("num_hidden_layers          2"));
}

TEST(Quantize, wants_a_model_or_a_file_of_tensors) {
  EXPECT_THAT(message_of<ConfigError>([] { quantize({{}, {}, "x", false}); }), HasSubstr("but has neither"));
  EXPECT_THAT(message_of<ConfigError>([] { quantize({"a", "b", "x", false}); }), HasSubstr("but has both"));
}

}  // namespace
}  // namespace routedk::workflow
