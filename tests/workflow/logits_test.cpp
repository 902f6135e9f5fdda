#include "routedk/workflow/inspect/logits.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/routed_model.h"
#include "routedk/experts/router_file.h"
#include "routedk/experts/ties.h"
#include "routedk/io/jsonl.h"
#include "routedk/quant/tensor_view.h"

#include <sstream>

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using testing::tiny_config;

constexpr const char* kThreeIds = R"({"ids": [1, 2, 3]})";

/// A tiny model, its three adapters and a router in files.
class Logits : public ::testing::Test {
 protected:
  Logits() : bank_(testing::tiny_bank()), router_(tiny_config().layers, tiny_config().hidden, 3) {
    options_.model = folder_ / "tiny.gguf";
    testing::tiny_llama().save(options_.model);
    router_.parameters().values().copy_(at::cos(at::arange(router_.parameters().size(), at::kFloat)));
    experts::save_router(router_, {"base", "high_level", "fine_grained"}, folder_ / "router");
    for (std::int64_t i = 0; i < 3; ++i) {
      experts::save_peft((*bank_)[i], folder_ / (*bank_)[i].name(), "tiny");
    }
  }

  LogitsOptions with(const std::vector<std::string>& adapters, const std::string& gate) const {
    LogitsOptions options = options_;
    for (const std::string& adapter : adapters) {
      options.adapters.push_back(folder_ / adapter);
    }
    options.gate = gate;
    return options;
  }

  static std::vector<io::Json> run(const LogitsOptions& options, const std::string& input) {
    std::istringstream in(input);
    std::ostringstream out;
    logits(options, in, out);
    std::vector<io::Json> lines;
    std::istringstream written(out.str());
    for (std::string line; std::getline(written, line);) {
      lines.push_back(io::Json::parse(line));
    }
    return lines;
  }

  /// Logits and gate rows of one sequence with the experts in memory.
  std::pair<at::Tensor, std::vector<experts::GateRows>> expected(const experts::Gate& gate,
                                                                 const std::vector<std::int32_t>& ids,
                                                                 std::int64_t prompt) const {
    const at::NoGradGuard no_grad;
    const experts::RoutedModel model(
        std::make_shared<const model::Backbone>(model::Backbone::load(options_.model, testing::dense())),
        bank_);
    const auto batch = model::FlatBatch::make({ids}, {prompt});
    const auto output = model.forward({batch, gate});
    return {model.backbone().logits(output.hidden), output.rows};
  }

  /// Logits [V] behind kThreeIds with this expert alone.
  at::Tensor of_expert(experts::Expert expert) const {
    const at::NoGradGuard no_grad;
    const experts::RoutedModel model(
        std::make_shared<const model::Backbone>(model::Backbone::load(options_.model, testing::dense())),
        std::make_shared<experts::ExpertBank>(
            std::vector{std::make_shared<experts::Expert>(std::move(expert))}));
    const auto batch = testing::batch_of({{1, 2, 3}});
    const experts::SingleExpertGate gate(0, 1);
    return model.backbone().logits(model.forward({batch, gate}).hidden)[2];
  }

  /// The ten best of `last` [V], as the program writes them.
  static void expect_top(const io::Json& line, const at::Tensor& last) {
    const auto [values, ids] = last.topk(10);
    ASSERT_EQ(line["top"].size(), 10U);
    for (std::int64_t i = 0; i < 10; ++i) {
      const io::Json& entry = line["top"][static_cast<std::size_t>(i)];
      EXPECT_EQ(entry[0].get<std::int64_t>(), ids[i].item<std::int64_t>());
      EXPECT_NEAR(entry[1].get<double>(), values[i].item<double>(), 1e-4);
    }
  }

  testing::TemporaryFolder folder_;
  std::shared_ptr<experts::ExpertBank> bank_;
  experts::RouterGate router_;
  LogitsOptions options_;
  const std::vector<std::string> all_ = {"base", "high_level", "fine_grained"};
};

TEST_F(Logits, without_adapters_are_the_backbones_and_alpha_is_empty) {
  const auto lines = run(options_, "{\"ids\": [1, 2, 3]}\n\n{\"ids\": [7]}\n");
  ASSERT_EQ(lines.size(), 2U);
  expect_top(lines[0], expected(experts::OwnerGate({-1}, 3), {1, 2, 3}, 3).first[2]);
  expect_top(lines[1], expected(experts::OwnerGate({-1}, 3), {7}, 1).first[0]);
  EXPECT_TRUE(lines[0]["alpha"].empty());
}

TEST_F(Logits, the_usual_gate_is_one_hot_for_one_adapter_and_average_for_several) {
  const auto one = run(with({"high_level"}, ""), R"({"ids": [1, 2, 3]})");
  expect_top(one[0], expected(experts::OwnerGate({1}, 3), {1, 2, 3}, 3).first[2]);
  EXPECT_EQ(one[0]["alpha"], io::Json::parse("[[1.0], [1.0]]"));
  const auto several = run(with(all_, ""), R"({"ids": [1, 2, 3]})");
  expect_top(several[0], expected(experts::FixedGate::average(3), {1, 2, 3}, 3).first[2]);
}

TEST_F(Logits, one_hot_takes_the_numbered_adapter) {
  const auto lines = run(with(all_, "one-hot:2"), R"({"ids": [1, 2, 3]})");
  expect_top(lines[0], expected(experts::OwnerGate({2}, 3), {1, 2, 3}, 3).first[2]);
  EXPECT_EQ(lines[0]["alpha"][1], io::Json::parse("[0.0, 0.0, 1.0]"));
}

TEST_F(Logits, ties_merges_the_deltas_exactly_or_to_a_rank) {
  const auto merged = [&](std::optional<std::int64_t> rank) {
    return of_expert(experts::ties_deltas(*bank_, tiny_config(), 0.3, rank));
  };
  const auto exact = run(with(all_, "ties:0.3"), kThreeIds);
  expect_top(exact[0], merged({}));
  EXPECT_EQ(exact[0]["alpha"], io::Json::parse("[[1.0], [1.0]]"));
  expect_top(run(with(all_, "ties:0.3:2"), kThreeIds)[0], merged(2));
  EXPECT_GT(testing::largest_difference(merged({}), merged(2)), 1e-3);
}

TEST_F(Logits, ties_factors_merges_a_and_b_apart) {
  const auto twin = testing::tiny_expert("twin", {2, 4.0, false, experts::LoraOptions{}.targets});
  experts::save_peft(*twin, folder_ / "twin", "tiny");
  const experts::ExpertBank pair({testing::tiny_experts()[0], twin});
  const at::Tensor factors = of_expert(experts::ties_factors(pair, tiny_config(), 0.3));
  expect_top(run(with({"base", "twin"}, "ties_factors:0.3"), kThreeIds)[0], factors);
  EXPECT_GT(
      testing::largest_difference(factors, of_expert(experts::ties_deltas(pair, tiny_config(), 0.3, {}))),
      1e-3);
}

TEST_F(Logits, a_routers_alpha_looks_at_the_prompt_alone) {
  const auto lines = run(with(all_, folder_ / "router"), R"({"ids": [1, 2, 3, 4], "prompt_length": 2})");
  const auto [all, rows] = expected(router_, {1, 2, 3, 4}, 2);
  expect_top(lines[0], all[3]);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    for (std::int64_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(lines[0]["alpha"][layer][static_cast<std::size_t>(k)].get<double>(),
                  rows[layer].alpha[0][k].item<double>(), 1e-6);
    }
  }
}

TEST_F(Logits, a_static_gate_weighs_every_input_alike) {
  experts::RouterGate gate(tiny_config().layers, tiny_config().hidden, 3,
                           {.kind = experts::RouterKind::kStatic});
  gate.parameters().values().copy_(at::sin(at::arange(gate.parameters().size(), at::kFloat)));
  experts::save_router(gate, all_, folder_ / "static");
  const auto lines = run(with(all_, folder_ / "static"), "{\"ids\": [1, 2, 3]}\n{\"ids\": [7]}\n");
  const at::Tensor alpha = at::softmax(at::sin(at::arange(3, 6, at::kFloat)), 0);
  for (const io::Json& line : lines) {
    for (std::int64_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(line["alpha"][1][static_cast<std::size_t>(k)].get<double>(), alpha[k].item<double>(), 1e-6);
    }
  }
  expect_top(lines[0], expected(gate, {1, 2, 3}, 3).first[2]);
}

TEST_F(Logits, full_writes_the_logits_of_every_position_of_every_line) {
  LogitsOptions options = with({"base"}, "");
  options.full = folder_ / "full.safetensors";
  const auto lines = run(options, "{\"ids\": [1, 2, 3]}\n{\"ids\": [4, 5]}\n");
  const auto file = io::SafetensorsFile::open(options.full);
  ASSERT_EQ(file.tensors().size(), 2U);
  const at::Tensor first = quant::to_tensor(file.at("logits.0"));
  testing::expect_close(first, expected(experts::OwnerGate({0}, 3), {1, 2, 3}, 3).first, {0.0, 1e-4});
  EXPECT_EQ(file.at("logits.1").shape, (std::vector<std::int64_t>{2, 40}));
  expect_top(lines[1], quant::to_tensor(file.at("logits.1"))[1]);
}

TEST_F(Logits, nf4_and_bfloat16_change_the_logits) {
  const std::string input = R"({"ids": [1, 2, 3]})";
  const io::Json exact = run(options_, input)[0];
  LogitsOptions packed = options_;
  packed.quant = model::Quant::kNf4;
  LogitsOptions rounded = options_;
  rounded.dtype = model::ComputeType::kBFloat16;
  EXPECT_NE(run(packed, input)[0], exact);
  EXPECT_NE(run(rounded, input)[0], exact);
}

TEST_F(Logits, bad_lines_are_refused_naming_line_and_value) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"({"ids": [40]})", "40"},
      {R"({"ids": [-1]})", "-1"},
      {R"({"ids": [18446744073709551615]})", "18446744073709551615"},
      {R"({"ids": [1.5]})", "1.5"},
      {R"({"ids": []})", "[]"},
      {R"({})", "missing"},
      {R"({"ids": "x"})", "\"x\""},
      {R"([1])", "[1]"},
      {R"({"ids": [1], "prompt": 1})", "`prompt`"},
      {R"({"ids": [1, 2], "prompt_length": 3})", "3"},
      {R"({"ids": [1, 2], "prompt_length": 0})", "0"},
      {io::Json({{"ids", std::vector<int>(65, 1)}}).dump(), "65"}};
  for (const auto& [line, value] : bad) {
    const std::string message =
        testing::message_of<DataError>([&] { run(options_, "{\"ids\": [1]}\n" + line + "\n"); });
    EXPECT_THAT(message, AllOf(HasSubstr("standard input:2"), HasSubstr(value))) << line;
  }
}

TEST_F(Logits, bad_options_are_refused_naming_the_value) {
  const std::vector<std::pair<LogitsOptions, std::string>> bad = {
      {with({}, "average"), "average"},
      {with(all_, "ablate:base"), "ablate:base"},
      {with(all_, "dynamic"), "`dynamic`"},
      {with(all_, "predictions:a.jsonl"), "predictions:a.jsonl"},
      {with(all_, "one-hot:3"), "one-hot:3"},
      {with(all_, "one-hot:-1"), "one-hot:-1"},
      {with(all_, "one-hot:1x"), "one-hot:1x"},
      {with(all_, "ties:1.5"), "ties:1.5"},
      {with(all_, "ties:x"), "ties:x"},
      {with(all_, "ties:nan"), "ties:nan"},
      {with(all_, "ties:0.5:0"), "ties:0.5:0"},
      {with(all_, "ties:0.5:2:3"), "ties:0.5:2:3"},
      {with(all_, "ties_factors:2"), "ties_factors:2"},
      {with(all_, "ties_factors:0.5:2"), "ties_factors:0.5:2"},
      {with(all_, "ties_factors:0.5"), "rank"},
      {with({"base", "high_level"}, folder_ / "router"), "3 experts"},
      {with({"high_level", "base", "fine_grained"}, folder_ / "router"), "`high_level`"}};
  for (const auto& entry : bad) {
    EXPECT_THAT(testing::message_of<ConfigError>([&] { run(entry.first, R"({"ids": [1]})"); }),
                HasSubstr(entry.second));
  }
  LogitsOptions options = options_;
  options.device = "tpu";
  EXPECT_THAT(testing::message_of<ConfigError>([&] { run(options, ""); }), HasSubstr("`tpu`"));
  options.device = "cuda:1";
  EXPECT_THAT(testing::message_of<ConfigError>([&] { run(options, ""); }),
              HasSubstr("`device` must be cpu in a build without CUDA, but is `cuda:1` instead"));
}

}  // namespace
}  // namespace routedk::workflow
