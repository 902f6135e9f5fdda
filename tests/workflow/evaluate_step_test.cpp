#include "routedk/bundle/utility.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/data/score.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "workflow/evaluation_of_sample.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;

TEST_F(EvaluateStep,
       every_system_rule_and_number_of_samples_has_its_line_and_the_baselines_are_always_there) {
  config_.eval.systems = {"backbone", "base", "dynamic", "ties_factors:0.5"};
  config_.eval.select = {eval::SelectRule::kVote,         eval::SelectRule::kBundleVote,
                         eval::SelectRule::kWeightedVote, eval::SelectRule::kLogprob,
                         eval::SelectRule::kMbr,          eval::SelectRule::kExpectedUtility,
                         eval::SelectRule::kVerifier};
  config_.eval.samples = {1, 2};
  const io::Json json = evaluate();
  std::vector<std::string> names;
  for (const auto& [name, system] : json["systems"].items()) {
    names.push_back(name);
    EXPECT_EQ(system.contains("oracle"), !system["baseline"].get<bool>()) << name;
  }
  EXPECT_EQ(names.size(), 4U * 7U * 2U + 6U);
  for (const char* name : {"dynamic", "dynamic mbr", "dynamic expected_utility", "dynamic n=1",
                           "ties_factors:0.5 verifier n=1", "whole", "similar_pair"}) {
    EXPECT_TRUE(json["systems"].contains(name)) << name;
  }
  EXPECT_EQ(json["against_backbone"].size(), 3U * 7U * 2U + 6U);
  EXPECT_EQ(json["against_vote"].size(), 4U * 6U * 2U);
  const std::string summary = read_file(folder_ / "run/summary.txt");
  EXPECT_EQ(std::count(summary.begin(), summary.end(), '\n'), 2 + 4 + 6 + 2 + 1) << summary;
  EXPECT_THAT(summary, HasSubstr("2 sessions of the test split, vote of 2 candidates\n"));
  EXPECT_THAT(summary, HasSubstr("warning: dynamic (vote, n=1): no routing: ")) << "of an untrained router";
  EXPECT_THAT(summary, HasSubstr("\nties_factors:0.5 "));
  const std::string table = read_file(folder_ / "run/results.md");
  for (const char* row :
       {"| dynamic | vote | 2 |", "| dynamic | mbr | 2 |", "| dynamic | expected_utility f1 | 2 |",
        "| dynamic | vote | 1 |", "| ties_factors:0.5 | verifier | 1 |", "| whole | baseline | - |"}) {
    EXPECT_THAT(table, HasSubstr(row));
  }
  for (const char* file : {"results.txt", "results.html"}) {
    const std::string text = read_file(folder_ / "run" / file);
    EXPECT_THAT(text, HasSubstr("ties_factors:0.5"));
    EXPECT_THAT(text, HasSubstr("similar_pair"));
    EXPECT_THAT(text, HasSubstr("bundle_vote"));
  }
  EXPECT_THAT(read_file(folder_ / "run/results.html"), HasSubstr("p_<wbr>vs_<wbr>backbone"));
  const io::Json asked = io::read_json(folder_ / "run/steps/evaluate/sessions.json");
  EXPECT_EQ(asked.at("gold").size(), json["sessions"]);
  EXPECT_EQ(asked.at("titles")[0].size(), asked.at("items")[0].size());
  for (const auto& [name, system] : json["systems"].items()) {
    if (!system["baseline"].get<bool>() && system["select"] != "bundle_vote" &&
        system["select"] != "expected_utility") {  // which may choose nobody's answer
      EXPECT_LE(system["f1"].get<double>(), system["oracle"]["f1"].get<double>() + 1e-12) << name;
      if (name.ends_with("n=1")) {  // there is one choice
        EXPECT_EQ(system["f1"], system["oracle"]["f1"]) << name;
      }
    }
  }
  EXPECT_EQ(io::read_json(folder_ / "run/steps/answer-base/verifier/verifier.json").at("sessions"), 2);
}

/// Expected utility of the answer on a line of an answers file, over its candidates.
double naive_expected(const io::Json& line, const io::Json& selected, bundle::Utility utility) {
  double sum = 0.0;
  for (const io::Json& candidate : line["candidates"]) {
    bundle::Session session;
    for (const io::Json& items : candidate) {
      session.gold.push_back({items.get<bundle::Bundle>(), ""});
    }
    sum += bundle::utility(utility, score_session(session, selected["bundles"].get<bundle::Answer>()));
  }
  return sum / static_cast<double>(line["candidates"].size());
}

TEST_F(EvaluateStep, expected_utility_is_chosen_by_each_utility_and_given_for_every_session) {
  config_.decode.samples = 4;
  config_.decode.temperature = 1.0;
  config_.eval.select = {eval::SelectRule::kExpectedUtility, eval::SelectRule::kVote};
  config_.eval.utility = {bundle::Utility::kF1, bundle::Utility::kJaccardF1, bundle::Utility::kMean};
  config_.eval.expectation = {eval::Expectation::kMonteCarlo, eval::Expectation::kModelBased};
  const io::Json json = evaluate();
  EXPECT_EQ(json["select"], "vote");
  EXPECT_EQ(json["split"], "test");
  EXPECT_EQ(json["systems"].size(), 3U * 2U + 1U + 6U);
  std::int64_t checked = 0;
  io::read_jsonl(folder_ / "run/answers/backbone.jsonl", [&](const io::Json& line, std::int64_t) {
    for (const auto& utility : config_.eval.utility) {
      const std::string name = utility == bundle::Utility::kF1
                                   ? "backbone expected_utility"
                                   : fmt::format("backbone expected_utility utility={}", utility);
      const io::Json& system = json["systems"].at(name);
      EXPECT_EQ(system["utility"], name_of(utility));
      for (const io::Json& selected : line["selected"]) {
        if (selected["select"] == "expected_utility" && selected["utility"] == name_of(utility) &&
            selected["expectation"] == "monte_carlo") {
          const double expected = naive_expected(line, selected, utility);
          EXPECT_NEAR(selected["expected_utility"].get<double>(), expected, 1e-12);
          EXPECT_NEAR(system["expected_utility"]["sessions"].at(line["session"].dump()).get<double>(),
                      expected, 1e-12);
          for (const io::Json& candidate : line["candidates"]) {
            EXPECT_LE(naive_expected(line, io::Json{{"bundles", candidate}}, utility), expected + 1e-9);
          }
          ++checked;
        }
      }
    }
  });
  EXPECT_EQ(checked, 3 * 2);
  EXPECT_TRUE(json["systems"].contains("backbone expected_utility utility=mean expectation=model_based"));
}

TEST_F(EvaluateStep, the_first_n_samples_of_a_run_are_scored_as_a_run_with_n) {
  config_.eval.samples = {1, 2};
  const io::Json both = evaluate();
  config_.eval.samples = {};
  config_.decode.samples = 1;
  config_.run.dir = (folder_ / "alone").string();
  Experiment experiment(config_);
  evaluate_step(experiment);
  const io::Json alone = io::read_json(folder_ / "alone/results.json")["systems"]["backbone"];
  const io::Json& first = both["systems"]["backbone n=1"];
  for (const char* figure : {"f1", "precision", "recall", "coverage", "exact_match", "intervals", "oracle"}) {
    EXPECT_EQ(first.at(figure), alone.at(figure)) << figure;
  }
}

TEST_F(EvaluateStep, an_evaluation_cut_off_while_it_trained_or_answered_ends_with_the_same_numbers) {
  config_.eval.select = {eval::SelectRule::kVote, eval::SelectRule::kVerifier};
  const io::Json whole = evaluate();
  const auto answers = folder_ / "run/steps/answer-backbone";
  for (const auto& step : {answers, folder_ / "run/steps/evaluate"}) {
    std::filesystem::remove(step / "step.json");
  }
  std::filesystem::remove_all(answers / "verifier");
  for (const char* file : {"answers.jsonl", "verifier.jsonl"}) {
    std::filesystem::resize_file(answers / file, std::filesystem::file_size(answers / file) / 2);
  }
  EXPECT_EQ(evaluate(), whole);
}

TEST_F(EvaluateStep, more_samples_than_the_answers_hold_are_another_evaluation) {
  evaluate();
  config_.eval.samples = {2, 3};
  evaluate();
  std::int64_t lines = 0;
  io::read_jsonl(folder_ / "run/answers/backbone.jsonl", [&](const io::Json& line, std::int64_t) {
    ++lines;
    EXPECT_EQ(line["candidates"].size(), 3U);
    EXPECT_EQ(line["selected"].size(), 2U);
  });
  EXPECT_EQ(lines, 2);
}

TEST_F(EvaluateStep, a_file_of_predictions_is_scored_as_by_score_and_another_content_is_another_evaluation) {
  const auto split = Experiment(config_).split();
  const auto file = folder_ / "theirs.jsonl";
  const auto write = [&](std::size_t items) {
    std::ofstream out(file);
    for (const bundle::Session& session : split.test) {
      io::Json found = io::Json::array();
      for (std::size_t i = 0; i < std::min(items, session.items.size()); ++i) {
        found.push_back(session.items[i].id);
      }
      out << io::Json{{"session", session.id}, {"bundles", io::Json::array({found})}} << '\n';
    }
  };
  write(2);
  config_.eval.limit = 0;
  config_.eval.systems = {"predictions:" + file.string()};
  const io::Json json = evaluate()["systems"][config_.eval.systems[0]];
  ScoreOptions options;
  options.data_dir = config_.data.dir;
  options.domain = config_.data.domain;
  options.split = bundle::SplitPart::kTest;
  options.predictions = file;
  const io::Json alone = score(options);
  for (const char* figure : {"f1", "precision", "coverage", "exact_match", "jaccard_f1"}) {
    EXPECT_EQ(json.at(figure), alone.at(figure)) << figure;
  }
  write(3);
  EXPECT_NE(evaluate()["systems"][config_.eval.systems[0]]["coverage"], json.at("coverage"));
  std::filesystem::remove(file);
  EXPECT_THAT(refused(), HasSubstr("theirs.jsonl"));
}

TEST_F(EvaluateStep, an_answer_that_is_always_the_same_and_below_chance_is_a_warning_everywhere) {
  const auto split = Experiment(config_).split();
  const auto write = [&](const char* name, const auto& bundles_of) {
    std::ofstream out(folder_ / name);
    for (const bundle::Session& session : split.test) {
      out << io::Json{{"session", session.id}, {"bundles", bundles_of(session)}} << '\n';
    }
    return "predictions:" + (folder_ / name).string();
  };
  const std::string nothing =
      write("nothing.jsonl", [](const bundle::Session&) { return io::Json::array(); });
  const std::string gold = write(
      "gold.jsonl", [](const bundle::Session& session) { return io::Json(bundle::gold_answer(session)); });
  config_.eval.limit = 0;
  config_.eval.systems = {nothing, gold};
  const io::Json json = evaluate();
  EXPECT_GT(json["random_model"]["f1"].get<double>(), 0.0);
  EXPECT_EQ(json["random_model"]["parse_rate"], 1.0);
  const io::Json& found = json["systems"][nothing];
  EXPECT_EQ(found["patterns"]["alike"], 1.0);
  EXPECT_EQ(found["patterns"]["commonest"], "no bundle");
  ASSERT_EQ(found["warnings"].size(), 2U);
  for (const std::string sign : found["warnings"]) {
    std::string text = read_file(folder_ / "run/results.txt");
    std::ranges::replace(text, '\n', ' ');  // of at most 100 columns
    EXPECT_THAT(text, HasSubstr(sign));
    EXPECT_THAT(read_file(folder_ / "run/results.md"), HasSubstr(sign));
    EXPECT_THAT(read_file(folder_ / "run/results.html"), HasSubstr(sign));
  }
  EXPECT_TRUE(json["systems"][gold]["warnings"].empty());
  EXPECT_FALSE(json["systems"]["whole"].contains("warnings")) << "a baseline says what it does";
}

TEST_F(EvaluateStep, annotations_have_no_answers_of_their_own) {
  config_.eval.systems = {"teacher"};
  EXPECT_THAT(refused(), HasSubstr("writes from gold"));
  config_.teacher.kind = distill::TeacherKind::kLocal;
  EXPECT_THAT(
      testing::message_of<ConfigError>([&] { check_teacher_answers(config_, bundle::SplitPart::kTest); }),
      HasSubstr("`teacher.held_out`"));
}

TEST_F(EvaluateStep, what_no_system_can_be_is_refused_before_anything_is_answered) {
  const std::map<std::string, std::string> wrong = {{"ties:2", "`ties:2`"},
                                                    {"ties_factors:0.5:4", "must have no rank"},
                                                    {"top_k:0", "`top_k:0`"},
                                                    {"ablate:high_level", "one of base, merged"},
                                                    {"top_k:3", "from 1 to the 2 experts"},
                                                    {"threshold:1.5", "`threshold:1.5`"},
                                                    {"router:/nowhere", "/nowhere"},
                                                    {"predictions:/nowhere.jsonl", "/nowhere.jsonl"}};
  for (const auto& [system, message] : wrong) {
    config_.eval.systems = {"backbone", system};
    EXPECT_THAT(refused(), HasSubstr(message));
  }
  const auto other = folder_ / "other";
  const model::LlamaConfig& shape = testing::real_model()->config();
  experts::save_router(experts::RouterGate(shape.layers, shape.hidden, 2), {"merged", "base"}, other);
  config_.eval.systems = {"router:" + other.string()};
  EXPECT_THAT(refused(), HasSubstr("in their order"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/answers"));
}

TEST_F(EvaluateStep, names_of_systems_become_different_names_of_files) {
  EXPECT_EQ(file_word("dynamic"), "dynamic");
  EXPECT_NE(file_word("router:a/b"), file_word("router:a_b"));
  EXPECT_EQ(file_word("router:a/b").find('/'), std::string::npos);
}

}  // namespace
}  // namespace routedk::workflow
