#include "routedk/workflow/experiment/experiment_config.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/workflow/experiment/study.h"

#include "core/temporary_folder.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ExperimentConfig read(const std::string& yaml) {
  return read_config<ExperimentConfig>(ConfigSource::from_string(yaml, "own.yaml"));
}

std::string problems(const std::string& yaml) {
  return testing::message_of<ConfigError>([&] { read(yaml); });
}

TEST(ExperimentConfig, experts_of_bundle_data_are_known_and_those_of_examples_any_words) {
  EXPECT_THAT(problems("experts: [kind]\n"), HasSubstr("`kind`"));
  EXPECT_EQ(read("experts: [kind]\ndata: {examples: own.jsonl}\n").experts.front(), "kind");
  EXPECT_THAT(problems("experts: [a/b]\ndata: {examples: own.jsonl}\n"), HasSubstr("`a/b`"));
}

TEST(ExperimentConfig, experts_alone_decide_the_usual_systems) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(read("").experts, (Names{"base", "high_level", "fine_grained"}));
  EXPECT_EQ(read("").eval.systems,
            (Names{"backbone", "base", "high_level", "fine_grained", "average", "dynamic"}));
  EXPECT_EQ(read("experts: [base, merged]\nrouter: {kind: static}\n").eval.systems,
            (Names{"backbone", "base", "merged", "average", "static"}));
  EXPECT_EQ(read("experts: [merged]\n").eval.systems, (Names{"backbone", "merged"}));
  EXPECT_THAT(problems("experts: [bse]\n"),
              ::testing::AllOf(HasSubstr("`bse`"), ::testing::Not(HasSubstr("\n"))));
}

TEST(ExperimentConfig, problems_have_their_place_and_what_may_be_meant) {
  EXPECT_THAT(problems("data:\n  domain: food\nexperts: [bsae]\n"),
              HasSubstr("but has `bsae` instead; did you mean `base`? (own.yaml:3)."));
  EXPECT_THAT(problems("eval:\n  systems: [dynamicc]\n"),
              HasSubstr("but has `dynamicc` instead; did you mean `dynamic`? (own.yaml:2)."));
  EXPECT_THAT(problems("model: {path: ''}\n"), HasSubstr("`model.path` must be"));
  EXPECT_EQ(problems("data: {test_examples: a.jsonl}\n"),
            "`data.test_examples` must be empty without data.examples, but is a.jsonl instead (own.yaml:1).");
}

TEST(ExperimentConfig, adapters_are_experts_of_any_name) {
  const auto config = read("adapters: [{name: cooking, path: a}, {name: travel, path: b}]\n");
  EXPECT_EQ(config.experts, (std::vector<std::string>{"cooking", "travel"}));
  EXPECT_EQ(*config.adapter_of("travel"), "b");
  EXPECT_EQ(config.adapter_of("base"), nullptr);
  EXPECT_EQ(read("experts: [base, own]\nadapters: [{name: own, path: a}]\n").experts.size(), 2U);
  EXPECT_THAT(problems("experts: [base]\nadapters: [{name: own, path: a}]\n"), HasSubstr("has `own`"));
  EXPECT_THAT(problems("adapters: [{name: own}]\n"), HasSubstr("that of `own` is empty"));
  EXPECT_THAT(
      problems("adapters: [{name: a, path: x}, {name: a, path: y}]\n"),
      HasSubstr("each expert once, but has `a` for x and for y: name one, as in --adapters 'NAME=y'"));
  for (const char* name : {"all", "my adapter"}) {
    EXPECT_THAT(
        problems(fmt::format("adapters: [{{name: {}, path: adapters/x}}]\n", name)),
        HasSubstr(fmt::format("has `{}` instead: name it, as in --adapters 'NAME=adapters/x'", name)));
  }
  EXPECT_THAT(problems("experts: [base, merged, base]\n"), HasSubstr("repeats `base`"));
  EXPECT_EQ(adapters_assignment({"some/own/", "b=c/d"}),
            "adapters=[{name: own, path: some/own/}, {name: b, path: c/d}]");
}

TEST(ExperimentConfig, adapted_linears_are_named_as_peft_does) {
  using model::Linear;
  EXPECT_EQ(read("lora: {targets: [v_proj, q_proj]}\n").lora.targets, (std::vector{Linear::kQ, Linear::kV}))
      << "in the model's order";
  EXPECT_THAT(problems("lora: {targets: [q_proj, query]}\n"),
              HasSubstr("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"));
  EXPECT_THAT(problems("lora: {targets: []}\n"), HasSubstr("`lora.targets` must name at least 1 linear"));
  EXPECT_THAT(problems("lora: {targets: [q_proj, q_proj]}\n"), HasSubstr("repeats `q_proj`"));
}

TEST(ExperimentConfig, a_single_expert_has_no_router) {
  EXPECT_THAT(problems("experts: [base]\neval: {systems: [dynamic]}\n"),
              HasSubstr("base as the only expert"));
  EXPECT_THAT(problems("experts: [base]\nwatch: {probe: true}\n"), HasSubstr("`watch.probe`"));
}

TEST(ExperimentConfig, examples_of_ones_own_are_evaluated_by_what_needs_no_session) {
  using Names = std::vector<std::string>;
  const std::string own = "experts: [kind, curt]\ndata: {examples: own.jsonl}\n";
  EXPECT_EQ(read(own).eval.systems, (Names{"backbone", "kind", "curt", "average", "dynamic"}));
  for (const char* system : {"permuted", "teacher", "itemsets", "'predictions:a.jsonl'"}) {
    EXPECT_THAT(problems(own + "eval: {systems: [" + system + "]}\n"), HasSubstr("it needs bundle data"));
  }
  EXPECT_THAT(problems(own + "eval: {systems: [base]}\n"), HasSubstr("`base`"));
  EXPECT_THAT(problems(own + "eval: {systems: [base]}\n"), Not(HasSubstr("permuted")))
      << "what would be refused is not offered";
  EXPECT_THAT(
      problems(own + "eval: {select: [vote, mbr]}\n"),
      HasSubstr("`eval.select` must be vote with data.examples, whose answers are texts, but is mbr"));
  EXPECT_THAT(problems(own + "decode: {select: logprob}\n"), HasSubstr("`decode.select` must be vote"));
  EXPECT_THAT(problems("data: {holdout: 1}\n"), HasSubstr("`data.holdout` must be between 0 and 0.9"));
}

TEST(ExperimentConfig, learning_rates_are_of_groups_that_exist) {
  EXPECT_EQ(read("train: {learning_rates: [{group: base, learning_rate: 0.25}]}\n").train.rate_of("base"),
            0.25);
  EXPECT_THAT(problems("train: {learning_rates: [{group: bass}]}\n"), HasSubstr("`bass`"));
  EXPECT_THAT(problems("router: {learning_rates: [{group: base}]}\n"), HasSubstr("`router.learning_rates`"));
}

TEST(ExperimentConfig, expected_utility_needs_samples_and_a_utility_of_the_data_however_answers_are_decoded) {
  const std::string by_utility = "train: {objective: expected_utility}\n";
  EXPECT_EQ(read(by_utility).train.expected_utility.samples, 16);
  EXPECT_FALSE(read(by_utility + "decode: {constrain: false}\n").decode.constrain);
  EXPECT_THAT(problems("train: {objective: expected_utility, expected_utility: {utility: exact}}\n"),
              HasSubstr("`train.expected_utility.utility` must be f1, jaccard_f1 or mean on bundle data"));
  EXPECT_THAT(
      problems("experts: [kind]\ndata: {examples: own.jsonl}\nrouter: {objective: expected_utility}\n"),
      HasSubstr(
          "`router.expected_utility.utility` must be exact or rouge_l with data.examples, but is mean"));
  EXPECT_THAT(problems("train: {expected_utility: {samples: 1}}\n"),
              HasSubstr("`train.expected_utility.samples` must be between 2 and 1024, but is 1 instead"));
}

TEST(ExperimentConfig, a_static_router_pools_nothing) {
  EXPECT_THAT(problems("router: {kind: static, pool_norm: rms}\n"),
              HasSubstr("`router.pool_norm` must be none for a static router"));
}

TEST(ExperimentConfig, top_k_is_at_most_the_number_of_experts) {
  EXPECT_THAT(problems("router: {top_k: 4}\n"), HasSubstr("`router.top_k` must be at most the 3 experts"));
}

TEST(ExperimentConfig, systems_rules_and_numbers_of_samples_are_known_and_named_once) {
  EXPECT_EQ(read("eval: {systems: [backbone, static, 'ties:0.3:8', 'router:a/b', 'predictions:a.jsonl']}\n")
                .eval.systems.size(),
            5U);
  EXPECT_THAT(problems("eval: {systems: [best]}\n"), HasSubstr("`best`"));
  EXPECT_THAT(problems("eval: {systems: ['ties:']}\n"), HasSubstr("`ties:`"));
  EXPECT_THAT(problems("eval: {systems: [base, base]}\n"),
              HasSubstr("`eval.systems` must name each system once, but repeats `base`"));
  EXPECT_THAT(problems("eval: {select: [vote, best]}\n"), HasSubstr("one of vote, bundle_vote"));
  EXPECT_THAT(problems("eval: {select: [mbr, mbr]}\n"), HasSubstr("`eval.select`"));
  EXPECT_THAT(problems("eval: {utility: [f1, f1]}\n"),
              HasSubstr("`eval.utility` must name each utility once"));
  EXPECT_THAT(problems("eval: {expectation: [monte_carlo, monte_carlo]}\n"), HasSubstr("`eval.expectation`"));
  EXPECT_THAT(problems("eval: {utility: [recall]}\n"),
              HasSubstr("one of f1, jaccard_f1, mean, but is recall"));
  EXPECT_THAT(problems("eval: {samples: [4, 0]}\n"), HasSubstr("`eval.samples[1]`"));
  EXPECT_THAT(problems("eval: {samples: [4, 4]}\n"), HasSubstr("`eval.samples` must name each number once"));
  EXPECT_THAT(problems("decode: {select: best, top_p: 1.5, min_p: -1, top_k: -1}\n"),
              HasSubstr("`decode.top_p`"));
}

TEST(ExperimentConfig, paths_within_systems_are_seen_from_the_file) {
  EXPECT_EQ(SystemPath::seen_from("runs", "router:a/b"), "router:runs/a/b");
  EXPECT_EQ(SystemPath::seen_from("runs", "predictions:/a.jsonl"), "predictions:/a.jsonl");
  EXPECT_EQ(SystemPath::seen_from("runs", "ablate:base"), "ablate:base");
}

TEST(ExperimentConfig, no_folder_is_named_like_a_home) {
  for (const char* setting : {"run: {dir: ~/x}", "run: {store: ~/x}", "data: {dir: ~/x}"}) {
    EXPECT_THAT(problems(setting), HasSubstr("must be a path without a leading ~")) << setting;
  }
}

TEST(ExperimentConfig, a_setting_out_of_its_section_is_shown_its_place) {
  EXPECT_THAT(problems("lora_rank: 4\n"), HasSubstr("did you mean `rank` under `lora`?"));
  EXPECT_THAT(problems("train.epochs: 5\n"), HasSubstr("did you mean `epochs` under `train`?"));
  EXPECT_THAT(problems("train: {lr: 5}\n"),
              HasSubstr("`train.lr` is not a known key; did you mean `learning_rate`?"));
}

TEST(ExperimentConfig, the_name_of_an_evaluation_is_a_folders) {
  EXPECT_EQ(read("eval: {name: on-val}\n").eval.name, "on-val");
  EXPECT_THAT(problems("eval: {name: ..}\n"), HasSubstr("`eval.name` must be a word"));
  EXPECT_THAT(problems("eval: {name: a/b}\n"), HasSubstr("`eval.name` must be a word"));
}

TEST(ExperimentConfig, a_system_has_the_forms_of_the_grammar) {
  EXPECT_EQ(read("eval: {systems: ['ablate:base', 'one-hot:1', 'top_k:1']}\n").eval.systems.size(), 3U);
  EXPECT_THAT(problems("eval: {systems: ['best']}\n"), HasSubstr("ties:DENSITY[:RANK]"));
  EXPECT_THAT(problems("eval: {systems: ['ablate:']}\n"), HasSubstr("an expert's name, but is `ablate:`"));
}

TEST(ExperimentConfig, choices_are_read_written_and_refused_by_their_names) {
  const auto config =
      read("model: {quant: keep, device: 'cuda:1'}\neval: {select: [mbr, vote], split: val}\n");
  EXPECT_EQ(config.model.quant, model::Quant::kKeep);
  EXPECT_EQ(config.eval.select, (std::vector{eval::SelectRule::kMbr, eval::SelectRule::kVote}));
  EXPECT_THAT(dump_config(config), HasSubstr("  select: [mbr, vote]  # "));
  EXPECT_THAT(dump_config(config),
              HasSubstr("  split: val  # which part of the sessions (one of val, test, train)\n"));
  EXPECT_THAT(dump_config(config), HasSubstr("  device: \"cuda:1\"  # "));
  EXPECT_EQ(problems("model: {quant: int8}\n"),
            "`model.quant` must be one of auto, keep, nf4, none, but is int8 instead (own.yaml:1).");
  EXPECT_EQ(problems("model: {device: tpu}\n"),
            "`model.device` must be auto, cpu, cuda or cuda:N, but is tpu instead (own.yaml:1).");
}

TEST(ExperimentConfig, how_predict_chooses_is_null_by_default_and_reads_back) {
  EXPECT_THAT(dump_config(ExperimentConfig()),
              HasSubstr("predict:  # how routedk-predict chooses, where that differs from decode\n"
                        "  select: null  # "));
  const auto config = read("predict: {select: expected_utility, utility: mean, expectation: model_based}\n");
  EXPECT_EQ(config.predict.select, eval::SelectRule::kExpectedUtility);
  EXPECT_EQ(config.predict.utility, bundle::Utility::kMean);
  EXPECT_EQ(config.predict.expectation, eval::Expectation::kModelBased);
  EXPECT_EQ(dump_config(read(dump_config(config))), dump_config(config));
}

TEST(ExperimentConfig, items_are_not_shuffled_under_thoughts_that_mention_their_numbers) {
  EXPECT_THAT(problems("augment: {shuffle_items: true}\nthoughts: {mentions: numbers}\n"),
              HasSubstr("`augment.shuffle_items`"));
}

TEST(ExperimentConfig, a_dump_with_lists_of_rates_reads_back) {
  ExperimentConfig config = read("router: {kind: static, temperature: 3}\n");
  config.train.learning_rates = {{"base", 1e-3}, {"high_level", 2e-3}};
  const std::string dump = dump_config(config);
  EXPECT_EQ(dump_config(read(dump)), dump);
}

TEST(ExperimentConfig, every_shipped_configuration_reads) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() == ".yaml") {
      ++files;
      const ExperimentConfig config = read_studies({entry.path().string()}, {}).front().points.front().config;
      const std::string name = entry.path().stem().string();
      if (name == "electronic" || name == "clothing" || name == "food") {
        EXPECT_EQ(config.data.domain, name);
        EXPECT_GE(config.decode.samples, 16) << entry.path() << " must extend what its model's domains share";
      }
    }
  }
  EXPECT_GE(files, 9);
}

TEST(ExperimentConfig, what_may_be_a_secret_is_refused_before_it_is_stored_and_not_shown) {
  const std::string secret = "0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d";
  for (const std::string& endpoint : std::vector<std::string>{
           "key_variable: " + secret, "key_variable: x" + secret, "parameters: {user: " + secret + "}",
           "parameters: {extra: {api_key: abc}}", "parameters: {Authorization: abc}",
           "url: 'https://me:pass@host/v1'", "url: 'https://host/v1?api-key=abc'"}) {
    const std::string found = problems("teacher: {endpoint: {" + endpoint + "}}\n");
    EXPECT_THAT(found, HasSubstr("must")) << endpoint;
    EXPECT_THAT(found, Not(HasSubstr(secret)));
    EXPECT_THAT(found, Not(HasSubstr("pass@")));
  }
  const auto config = read(
      "teacher: {endpoint: {key_variable: OPENAI_API_KEY, parameters: {max_tokens: max_completion_tokens, "
      "reasoning_effort: low, seed: null}, url: 'https://host/v1?api-version=2024-10-21'}}\n");
  EXPECT_EQ(config.teacher.endpoint.key_variable, "OPENAI_API_KEY");
}

}  // namespace
}  // namespace routedk::workflow
