#include "routedk/experts/gate_spec.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>

namespace routedk::experts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(GateSpec, every_form_is_read_and_written_back) {
  const std::vector<std::pair<std::string, GateSpec>> forms = {
      {"backbone", {.kind = GateKind::kBackbone}},
      {"average", {.kind = GateKind::kAverage}},
      {"dynamic", {.kind = GateKind::kDynamic}},
      {"static", {.kind = GateKind::kStatic}},
      {"ties:0.3", {.kind = GateKind::kTies, .share = 0.3}},
      {"ties:1:16", {.kind = GateKind::kTies, .share = 1.0, .number = 16}},
      {"ties_factors:0.25", {.kind = GateKind::kTiesFactors, .share = 0.25}},
      {"top_k:2", {.kind = GateKind::kTopK, .number = 2}},
      {"threshold:0", {.kind = GateKind::kThreshold}},
      {"ablate:high_level", {.kind = GateKind::kAblate, .name = "high_level"}},
      {"router:a/b:c", {.kind = GateKind::kRouter, .name = "a/b:c"}},
      {"one-hot:0", {.kind = GateKind::kOneHot}},
      {"ensemble", {.kind = GateKind::kEnsemble}},
      {"random_experts", {.kind = GateKind::kRandomExperts}},
      {"one_lora_on_router_data", {.kind = GateKind::kOneLoraOnRouterData}},
      {"random_router", {.kind = GateKind::kRandomRouter}},
      {"permuted", {.kind = GateKind::kPermuted}},
      {"itemsets", {.kind = GateKind::kItemsets}},
      {"related_groups", {.kind = GateKind::kRelatedGroups}},
      {"teacher", {.kind = GateKind::kTeacher}},
      {"predictions:a b.jsonl", {.kind = GateKind::kPredictions, .name = "a b.jsonl"}}};
  for (const auto& [text, spec] : forms) {
    EXPECT_EQ(parse_gate_spec(text), spec) << text;
    EXPECT_EQ(to_string(spec), text);
    const std::string word = text.substr(0, text.find(':'));
    EXPECT_THAT(gate_forms(), HasSubstr(word)) << "all forms are listed";
  }
}

TEST(GateSpec, forms_can_be_listed_by_what_they_need) {
  EXPECT_EQ(gate_forms(takes_router),
            "dynamic, static, top_k:N, threshold:SHARE, ablate:NAME, random_router");
  EXPECT_EQ(
      gate_forms(weighs_given_experts),
      "backbone, average, ties:DENSITY[:RANK], ties_factors:DENSITY, router:FOLDER, one-hot:I, ensemble");
}

TEST(GateSpec, any_other_text_is_a_name) {
  for (const char* text : {"base", "runs/a/router", "ties", "average:2", "best:3", ""}) {
    EXPECT_EQ(parse_gate_spec(text), (GateSpec{.kind = GateKind::kNamed, .name = text}));
    EXPECT_EQ(to_string(parse_gate_spec(text)), text);
  }
}

TEST(GateSpec, a_known_word_with_a_wrong_argument_is_refused_naming_text_form_and_rule) {
  const std::vector<std::pair<std::string, std::string>> wrong = {{"ties:", "ties:DENSITY[:RANK]"},
                                                                  {"ties:1.5", "a density from 0 to 1"},
                                                                  {"ties:nan", "a density from 0 to 1"},
                                                                  {"ties:0.5:0", "a rank of at least 1"},
                                                                  {"ties:0.5:2:3", "a rank of at least 1"},
                                                                  {"ties_factors:0.5:2", "no rank"},
                                                                  {"top_k:0", "top_k:N"},
                                                                  {"top_k:1.5", "top_k:N"},
                                                                  {"threshold:-0.1", "a share from 0 to 1"},
                                                                  {"ablate:", "an expert's name"},
                                                                  {"router:", "a folder"},
                                                                  {"one-hot:-1", "an expert's number from 0"},
                                                                  {"one-hot:1x", "an expert's number from 0"},
                                                                  {"predictions:", "a file"}};
  for (const auto& [text, rule] : wrong) {
    EXPECT_THAT(routedk::testing::message_of<ConfigError>([&] { parse_gate_spec(text); }),
                AllOf(HasSubstr("`" + text + "`"), HasSubstr(rule)));
  }
}

}  // namespace
}  // namespace routedk::experts
