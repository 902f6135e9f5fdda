#include "routedk/workflow/inspect/export.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"

#include <algorithm>
#include <sstream>

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::tiny_config;

/// The folder of a run of three experts, without the steps.
class Export : public ::testing::Test {
 protected:
  Export() {
    testing::tiny_llama().save(folder_ / "tiny.gguf");
    for (const auto& expert : testing::tiny_experts()) {
      experts::save_peft(*expert, folder_ / "run/experts/" / expert->name(), "tiny");
    }
    save_router(experts::RouterKind::kDynamic, "run/router");
    save_router(experts::RouterKind::kStatic, "static");
    folder_.write("run/config.yaml", "model: {path: " + (folder_ / "tiny.gguf").string() +
                                         "}\nexperts: [base, high_level, fine_grained]\n");
  }

  void save_router(experts::RouterKind kind, const std::string& name) const {
    const experts::RouterGate gate(tiny_config().layers, tiny_config().hidden, 3, {.kind = kind});
    experts::save_router(gate, {"base", "high_level", "fine_grained"}, folder_ / name);
  }

  ExportOptions of_run(const std::string& gate, const std::string& output) const {
    ExportOptions options;
    options.choice.run = folder_ / "run";
    options.choice.gate = gate;
    options.output = folder_ / output;
    options.json = true;
    return options;
  }

  static std::string text_of(const ExportOptions& options) {
    std::ostringstream out;
    export_gguf(options, out);
    return out.str();
  }

  static std::string refusal(const ExportOptions& options) {
    return message_of<ConfigError>([&] { text_of(options); });
  }

  io::GgufFile open(const std::string& name) const { return io::GgufFile::open(folder_ / name); }

  testing::TemporaryFolder folder_;
};

TEST_F(Export, each_expert_of_a_run_becomes_a_file) {
  const io::Json found = io::Json::parse(text_of(of_run("", "out")));
  EXPECT_TRUE(found["mix"].is_null());
  EXPECT_EQ(found["experts"], io::Json({"base", "high_level", "fine_grained"}));
  EXPECT_EQ(found["dtype"], "f16");
  ASSERT_EQ(found["files"].size(), 3U);
  EXPECT_EQ(found["files"][1]["path"], (folder_ / "out/high_level.gguf").string());
  EXPECT_EQ(found["files"][1]["linears"], 6);
  EXPECT_EQ(found["files"][1]["rank"], 3);
  EXPECT_EQ(found["files"][1]["bytes"], std::filesystem::file_size(folder_ / "out/high_level.gguf"));
  EXPECT_EQ(testing::entries_of(folder_ / "out"), 3);
  EXPECT_EQ(open("out/base.gguf").text("general.name"), "base");
  EXPECT_EQ(open("out/base.gguf").tensors().size(), 28U);
}

TEST_F(Export, fixed_mixes_become_one_file) {
  for (const auto& [gate, rank] :
       std::vector<std::pair<std::string, double>>{{"average", 6},
                                                   {"high_level", 3},
                                                   {"one-hot:2", 1},
                                                   {"ties:0.5:2", 2},
                                                   {"ties:0.5", 32},
                                                   {(folder_ / "static").string(), 6},
                                                   {"router:" + (folder_ / "static").string(), 6}}) {
    text_of(of_run(gate, "mix.gguf"));
    EXPECT_EQ(open("mix.gguf").real("adapter.lora.alpha"), rank) << gate;
    std::filesystem::remove(folder_ / "mix.gguf");
  }
}

TEST_F(Export, a_static_router_of_the_run_is_a_fixed_mix) {
  std::filesystem::remove_all(folder_ / "run/router");
  save_router(experts::RouterKind::kStatic, "run/router");
  int number = 0;
  for (const char* gate : {"static", "top_k:2", "threshold:0.5", "ablate:base"}) {
    EXPECT_NO_THROW(text_of(of_run(gate, std::to_string(number++) + ".gguf"))) << gate;
  }
  EXPECT_EQ(open("0.gguf").real("adapter.lora.alpha"), 6.0);
  EXPECT_EQ(open("1.gguf").real("adapter.lora.alpha"), 5.0);
  EXPECT_EQ(open("3.gguf").real("adapter.lora.alpha"), 4.0);
}

TEST_F(Export, weights_mix_given_adapters) {
  ExportOptions options = of_run("", "mix.gguf");
  options.choice = {};
  options.choice.model = folder_ / "tiny.gguf";
  options.choice.adapters = {folder_ / "run/experts/base", folder_ / "run/experts/high_level"};
  options.weights = {0.5, 0.0};
  const io::Json found = io::Json::parse(text_of(options));
  EXPECT_EQ(found["mix"], "0.5,0");
  EXPECT_EQ(found["files"][0]["rank"], 2);
  options.output = folder_ / "other.gguf";
  options.weights = {0.5};
  EXPECT_THAT(refusal(options), HasSubstr("2 adapters"));
}

TEST_F(Export, dynamic_routing_is_refused_with_its_reason) {
  for (const auto& gate : std::vector<std::string>{
           "dynamic", "top_k:2", "threshold:0.5", "ablate:base", "random_router", "permuted",
           (folder_ / "run/router").string(), "router:" + (folder_ / "run/router").string()}) {
    EXPECT_THAT(refusal(of_run(gate, "mix.gguf")), AllOf(HasSubstr("dynamic routing does not survive export"),
                                                         HasSubstr("`" + gate + "`"), HasSubstr("average")));
  }
  ExportOptions options = of_run("dynamic", "mix.gguf");
  options.choice.run.clear();
  options.choice.model = folder_ / "tiny.gguf";
  options.choice.adapters = {folder_ / "run/experts/base"};
  EXPECT_THAT(refusal(options), HasSubstr("dynamic routing does not survive export"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "mix.gguf"));
}

TEST_F(Export, what_is_no_mix_in_one_pass_is_refused) {
  EXPECT_THAT(refusal(of_run("ensemble", "mix.gguf")), HasSubstr("`ensemble`"));
  EXPECT_THAT(refusal(of_run("backbone", "mix.gguf")), HasSubstr("at least 1 linear"));
  EXPECT_THAT(refusal(of_run("itemsets", "mix.gguf")), HasSubstr("`itemsets`"));
}

TEST_F(Export, nothing_is_overwritten) {
  folder_.write("there.gguf", "mine");
  EXPECT_THAT(refusal(of_run("average", "there.gguf")), HasSubstr("must be a new file"));
  EXPECT_THAT(refusal(of_run("average", "nowhere/x.gguf")), HasSubstr("a folder that exists"));
  EXPECT_THAT(refusal(of_run("", "run")), HasSubstr("must be a new or an empty folder"));
  EXPECT_EQ(testing::content_of(folder_ / "there.gguf"), "mine");
}

TEST_F(Export, without_experts_or_with_two_mixes_it_is_refused) {
  ExportOptions options = of_run("average", "mix.gguf");
  options.weights = {1, 1, 1};
  EXPECT_THAT(refusal(options), HasSubstr("by both"));
  options = of_run("", "out");
  options.choice.run.clear();
  EXPECT_THAT(refusal(options), HasSubstr("--adapter"));
}

TEST_F(Export, a_table_has_a_line_a_file) {
  ExportOptions options = of_run("", "out");
  options.json = false;
  const std::string text = text_of(options);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_THAT(text, HasSubstr((folder_ / "out/base.gguf").string()));
}

}  // namespace
}  // namespace routedk::workflow
