#include "routedk/workflow/predict/predict.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/utility.h"
#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/eval/answers.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/router_file.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "workflow/experiment_folder.h"
#include <gmock/gmock.h>

namespace routedk::workflow {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Predict : public testing::ExperimentFolder {
 protected:
  void SetUp() override {
    ExperimentFolder::SetUp();
    config_.model.quant = model::Quant::kNone;
    config_.model.dtype = model::ComputeType::kFloat32;
    config_.decode.samples = 3;
    config_.decode.max_new_tokens = 200;
    choice_.model = config_.model.path;
    choice_.assignments = {"prompts=" + config_.prompts, "model.quant=none", "model.dtype=float32",
                           "decode.samples=3", "decode.max_new_tokens=200"};
  }

  /// A run of two experts that matter and a router that looks at its input.
  void write_run() {
    const model::LlamaConfig shape = testing::real_model()->config();
    config_.experts = {"base", "high_level"};
    config_.eval.systems = {"dynamic"};
    config_.prompt.relations = {bundle::Relation::kTitleSimilarity, bundle::Relation::kCoPurchase,
                                bundle::Relation::kCategoryRates};
    Experiment experiment(config_);
    for (const std::string& name : config_.experts) {
      begin_step(experiment, {StepKind::kTrain, name});
      experts::Expert expert(name, shape, experts::LoraOptions{.rank = 2, .alpha = 4.0});
      expert.initialise(1);
      const at::NoGradGuard no_grad;
      at::Tensor values = expert.parameters().values();
      const double phase = name == "base" ? 0.0 : 1.0;
      values.add_(at::sin(at::arange(values.size(0), at::kFloat) + phase), 0.01);
      experts::save_peft(expert, experiment.expert_folder(name), config_.model.path);
      mark_done(experiment, {{StepKind::kTrain, name}});
    }
    begin_step(experiment, {StepKind::kRouter});
    experts::RouterGate router(shape.layers, shape.hidden, 2);
    router.parameters().values().copy_(at::cos(at::arange(router.parameters().size(), at::kFloat)));
    experts::save_router(router, config_.experts, experiment.router_folder());
    mark_done(experiment, {{StepKind::kRouter}});
    choice_ = {};
    choice_.run = folder_ / "run";
  }

  std::string text_of(const std::string& input, const PredictOptions& options) const {
    std::istringstream in(input);
    std::ostringstream out;
    predict(choice_, options, in, out);
    return out.str();
  }
  std::vector<io::Json> run(const std::string& input, bool why = true) const {
    std::vector<io::Json> lines;
    std::istringstream written(text_of(input, {.why = why, .strict = true}));
    for (std::string line; std::getline(written, line);) {
      lines.push_back(io::Json::parse(line));
    }
    return lines;
  }
  template <typename Error>
  std::string refusal(const std::string& input) const {
    return testing::message_of<Error>([&] { run(input); });
  }

  ModelChoice choice_;
};

/// All logarithms of a why, ascending.
std::vector<double> logprobs_of(const io::Json& answer) {
  std::vector<double> all;
  for (const io::Json& candidate : answer["candidates"]) {
    for (const io::Json& logprob : candidate["logprobs"]) {
      all.push_back(logprob.get<double>());
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST_F(Predict, a_run_s_experts_and_router_answer_as_in_its_evaluation) {
  write_run();
  Experiment experiment(config_);
  std::vector<bundle::Session> sessions = experiment.split().test;
  std::erase_if(sessions, [](const bundle::Session& session) { return session.items.size() > 4; });
  sessions = evenly_spread(sessions, 3);
  ASSERT_EQ(sessions.size(), 3U);
  eval::AnswerSetting setting{experiment.templates(), experiment.encoder(), {}, true, 16};
  setting.generate = {.samples = 3,
                      .sampling = {.temperature = config_.decode.temperature},
                      .max_new_tokens = 200,
                      .end_of_turn = experiment.encoder().end_of_turn(),
                      .seed = config_.decode.seed};
  const auto model = experiment.routed_model();
  const auto router = experts::load_router(experiment.router_folder(), model.backbone().config());
  const auto expected = eval::answer_batch({model, decode::Kernels::kInt8}, router.gate, sessions, setting);

  std::string input;
  for (const bundle::Session& session : sessions) {
    io::Json asked = {{"session", session.id}, {"items", io::Json::array()}};
    for (const bundle::Item& item : session.items) {
      asked["items"].push_back({{"id", item.id}, {"title", item.title}});
    }
    input += asked.dump() + "\n";
  }
  const auto answers = run(input);
  ASSERT_EQ(answers.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i]["session"], sessions[i].id);
    ASSERT_TRUE(expected[i].prediction);
    EXPECT_EQ(answers[i]["bundles"], io::Json(*expected[i].prediction));
    EXPECT_EQ(answers[i]["confidence"], expected[i].share);
    EXPECT_EQ(answers[i]["experts"], io::Json(config_.experts));
    ASSERT_EQ(answers[i]["alpha"].size(), expected[i].alpha.size());
    for (std::size_t layer = 0; layer < expected[i].alpha.size(); ++layer) {
      EXPECT_NEAR(answers[i]["alpha"][layer][0].get<double>(), expected[i].alpha[layer][0], 1e-4);
    }
    std::vector<double> logprobs = expected[i].logprobs;
    std::sort(logprobs.begin(), logprobs.end());
    const auto shown = logprobs_of(answers[i]);
    ASSERT_EQ(shown.size(), 3U);
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_NEAR(shown[n], logprobs[n], 1e-2);
    }
    EXPECT_NEAR(answers[i]["candidates"][0]["votes"].get<double>() / 3.0,
                answers[i]["confidence"].get<double>(), 1e-9);
  }
  EXPECT_NE(answers[0]["alpha"], answers[1]["alpha"]);
}

TEST_F(Predict, predict_select_takes_the_place_of_decode_select_with_its_expected_utility_as_confidence) {
  const std::string sessions =
      "[\"Camera lens\", \"Lens cap\", \"Garden hose\", \"Hose reel\"]\n[\"Egg\", \"Cup\", \"Egg cup\"]\n";
  choice_.assignments.insert(choice_.assignments.end(), {"decode.samples=6", "decode.temperature=1"});
  const auto voted = run(sessions);
  choice_.assignments.insert(choice_.assignments.end(),
                             {"predict.select=expected_utility", "predict.utility=jaccard_f1"});
  const auto answers = run(sessions);
  bool differs = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i]["candidates"], voted[i]["candidates"]);
    const bundle::Answer chosen = answers[i]["bundles"].get<bundle::Answer>();
    double expected = 0.0;
    for (const io::Json& candidate : answers[i]["candidates"]) {
      bundle::Session session;
      for (const io::Json& items : candidate["bundles"]) {
        session.gold.push_back({items.get<bundle::Bundle>(), ""});
      }
      expected += candidate["votes"].get<double>() / 6.0 *
                  bundle::utility(bundle::Utility::kJaccardF1, score_session(session, chosen));
    }
    EXPECT_NEAR(answers[i]["confidence"].get<double>(), expected, 1e-9);
    differs = differs || answers[i]["confidence"] != voted[i]["confidence"];
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(run("[\"Egg\"]")[0]["confidence"], 1.0);
}

TEST_F(Predict, bundles_speak_in_the_given_ids_and_titles) {
  const auto answers = run(
      "{\"items\": [{\"id\": \"B0\", \"title\": \"Salt &amp; pepper\"}, {\"id\": -7, \"title\": \"Egg\"}]}\n"
      "[\"Egg\", \"Egg\"]\n");
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_FALSE(answers[0].contains("session"));
  EXPECT_EQ(answers[0]["bundles"], io::Json::parse(R"([["B0", -7]])"));  // all that two products allow
  EXPECT_EQ(answers[0]["titles"], io::Json::parse(R"([["Salt &amp; pepper", "Egg"]])"));
  EXPECT_EQ(answers[0]["confidence"], 1.0);
  EXPECT_EQ(answers[1]["bundles"], io::Json::parse("[[1, 2]]"));
  EXPECT_EQ(answers[1]["titles"], io::Json::parse(R"([["Egg", "Egg"]])"));
  EXPECT_FALSE(answers[1].contains("note"));
  EXPECT_EQ(answers[1]["alpha"], io::Json::array());
  EXPECT_EQ(answers[1]["experts"], io::Json::array());
}

TEST_F(Predict, titles_are_cleaned_as_a_data_set_s) {
  const auto answers =
      run("[\"Salt & pepper mill\", \"Egg\", \"Cup\"]\n"
          "[\"  Salt &amp; pepper\\n\\u0000mill\", \"Egg\", \"Cup\"]\n"
          "[\"Salt &amp;amp; pepper mill\", \"Egg\", \"Cup\"]\n");
  const auto plain = logprobs_of(answers[0]);
  const auto spelled = logprobs_of(answers[1]);
  const auto other = logprobs_of(answers[2]);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(plain[i], spelled[i], 1e-3);
  }
  EXPECT_GT(std::abs(plain[0] - other[0]), 1e-3);
}

TEST_F(Predict, one_item_has_no_bundle_and_says_so) {
  const auto answers = run("{\"titles\": [\"Egg\"], \"session\": 3}\n", false);
  EXPECT_EQ(answers[0], io::Json::parse(R"({"session": 3, "bundles": [], "titles": [], "confidence": 1.0,
                                "note": "a bundle needs at least 2 items"})"));
}

TEST_F(Predict, one_document_may_span_lines) {
  EXPECT_EQ(run("\n{\n  \"titles\": [\n    \"Egg\",\n    \"Cup\"\n  ]\n}\n")[0]["bundles"],
            io::Json::parse("[[1, 2]]"));
}

TEST_F(Predict, a_list_of_sessions_is_as_many_answers) {
  const auto answers =
      run("[\n[\"Egg\", \"Cup\"],\n{\"session\": 7, \"titles\": [\"Tea\", \"Pot\"]}\n]\n", false);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0]["titles"], io::Json::parse(R"([["Egg", "Cup"]])"));
  EXPECT_EQ(answers[1]["session"], 7);
  EXPECT_EQ(run("[[\"Egg\", \"Cup\"], [\"Tea\", \"Pot\"]]\n", false).size(), 2U);
}

TEST_F(Predict, an_answer_that_does_not_parse_is_null_with_a_note) {
  choice_.assignments.insert(choice_.assignments.end(),
                             {"decode.constrain=false", "decode.max_new_tokens=3"});
  const io::Json free = run("[\"Egg\", \"Cup\"]")[0];
  EXPECT_TRUE(free["bundles"].is_null());
  EXPECT_TRUE(free["titles"].is_null());
  EXPECT_EQ(free["confidence"], 0.0);
  EXPECT_THAT(free["note"].get<std::string>(), HasSubstr("required form"));
  EXPECT_EQ(free["candidates"][0]["votes"], 0);
  EXPECT_EQ(free["candidates"][0]["logprobs"].size(), 3U);
  choice_.assignments.emplace_back("decode.constrain=true");
  EXPECT_THAT(run("[\"Egg\", \"Cup\"]")[0]["note"].get<std::string>(),
              HasSubstr("decode.max_new_tokens = 3"));
}

TEST_F(Predict, adapters_and_a_gate_take_the_place_of_a_run) {
  write_run();
  const auto run_folder = choice_.run;
  choice_ = {};
  choice_.model = config_.model.path;
  choice_.assignments = {"prompts=" + config_.prompts, "model.quant=none"};
  choice_.adapters = {run_folder / "experts/base", run_folder / "experts/high_level"};
  choice_.gate = "one-hot:1";
  const io::Json answer = run("[\"Egg\", \"Cup\"]")[0];
  EXPECT_EQ(answer["experts"], io::Json::parse(R"(["base", "high_level"])"));
  EXPECT_EQ(answer["alpha"][0], io::Json::parse("[0.0, 1.0]"));
}

TEST_F(Predict, a_gate_changes_the_runs_router) {
  write_run();
  const std::string session = "[\"Egg\", \"Cup\"]";
  const io::Json routed = run(session)[0]["alpha"];
  choice_.gate = "ablate:base";
  const io::Json ablated = run(session)[0]["alpha"];
  EXPECT_EQ(ablated[0], (io::Json{0.0, routed[0][1]}));
  choice_.gate = "high_level";
  EXPECT_EQ(run(session)[0]["alpha"][0], (io::Json{0.0, 1.0}));
  choice_.gate = "static";
  EXPECT_THAT(refusal<ConfigError>(session), HasSubstr("must be called dynamic"));
  choice_.gate = "dynamicc";
  EXPECT_THAT(refusal<ConfigError>(session),
              HasSubstr("ablate:NAME, random_router, but is `dynamicc` instead; did you mean `dynamic`?"));
}

TEST_F(Predict, a_run_folder_that_was_moved_without_its_store_says_how_to_copy_one) {
  write_run();
  std::filesystem::create_directories(folder_ / "elsewhere");
  std::filesystem::rename(folder_ / "run", folder_ / "elsewhere/run");
  choice_.run = folder_ / "elsewhere/run";
  EXPECT_THAT(refusal<FileError>("[\"Egg\", \"Cup\"]"),
              AllOf(HasSubstr("elsewhere/run/experts/base must link to a step"), HasSubstr("`cp -rL`")));
}

TEST_F(Predict, a_run_without_what_its_prompts_show_is_refused) {
  write_run();
  std::filesystem::remove_all(choice_.run / "predict");
  EXPECT_THAT(refusal<ConfigError>("[\"Egg\", \"Cup\"]"), HasSubstr("run/predict is not there"));
}

TEST_F(Predict, bad_sessions_are_refused_naming_line_and_value) {
  const std::string long_one = io::Json(std::vector<std::string>(1001, "Egg")).dump();
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"[]", "1 to 1000 items, but has 0"},
      {R"({"items": []})", "1 to 1000 items, but has 0"},
      {long_one, "1 to 1000 items, but has 1001"},
      {"5", "is 5"},
      {R"({"names": ["a"]})", "names"},
      {R"({"titles": ["a"], "items": []})", "has both"},
      {R"({"titles": "a"})", "\"a\""},
      {R"(["a", 5])", "item 2 is 5"},
      {R"(["a", null])", "item 2 is null"},
      {R"(["a", " \n&nbsp;\u0000"])", "item 2 is"},
      {R"({"items": ["a"]})", "\"a\""},
      {R"({"items": [{"title": "a"}]})", "item 1 has no `id`"},
      {R"({"items": [{"id": null, "title": "a"}]})", "null"},
      {R"({"items": [{"id": 1.5, "title": "a"}]})", "1.5"},
      {R"({"items": [{"id": 1, "name": "a"}]})", "item 1 has no `title`"},
      {R"({"items": [{"id": 1, "title": null}]})", "item 1 is null"},
      {R"([["a", "b"], ["c", ""]])", "input:3, session 2"},
      {R"({"items": [{"id": 1, "title": "a", "category": 5}]})", "is 5"},
      {R"({"items": [{"id": 1, "title": "a"}, {"id": 1, "title": "b"}]})", "1 occurs twice"},
      {R"({"titles": ["a"], "session": 1.5})", "1.5"},
      {R"({"titles": ["a"], "session": null})", "null"},
      {R"({"titles": ["a"], "session": 18446744073709551615})", "18446744073709551615"}};
  for (const auto& [line, value] : bad) {
    EXPECT_THAT(refusal<DataError>("[\"a\", \"b\"]\n\n" + line + "\n"),
                AllOf(HasSubstr("standard input:3"), HasSubstr(value)))
        << line;
  }
  EXPECT_THAT(refusal<DataError>(" \n\n"), HasSubstr("empty"));
  EXPECT_THAT(refusal<FileError>("[\"a\", \"b\"]\nnot JSON\n"),
              HasSubstr("standard input:2 must be JSON, but is not from column 2 on"));
  EXPECT_THAT(refusal<FileError>("[\"a\", \"b\"]\n[\"K\xF6ln\", \"b\"]\n"),
              HasSubstr("standard input:2 must be JSON, but is not UTF-8 from column 4 on"));
  EXPECT_THAT(refusal<FileError>("session,item,title\n1,2,x\n"),
              AllOf(HasSubstr("`session,item,title`"), HasSubstr("--csv reads a table")));
  EXPECT_THAT(refusal<FileError>("PK\x03\x04"), HasSubstr("an Excel workbook"));
  EXPECT_THAT(refusal<FileError>("{\n\"titles\": [\"a\",,]}\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal<FileError>("[\"\xFF\", \"b\"]\n"), HasSubstr("standard input"));
}

TEST_F(Predict, what_a_session_says_beside_its_titles_comes_back) {
  const auto answers =
      run(R"({"session": "cart-7", "titles": ["Egg", "Cup"], "shop": {"town": "Ulm"}, "note": "old"})"
          "\n"
          R"({"items": [{"id": "B0", "title": "Egg", "price": 3}, {"id": "B1", "title": "Cup"}]})"
          "\n",
          false);
  EXPECT_EQ(answers[0], io::Json::parse(R"({"session": "cart-7", "shop": {"town": "Ulm"}, "note": "old",
      "bundles": [[1, 2]], "titles": [["Egg", "Cup"]], "confidence": 1.0})"));
  EXPECT_EQ(answers[1]["items"][0]["price"], 3);
  EXPECT_EQ(answers[1]["bundles"], io::Json::parse(R"([["B0", "B1"]])"));
}

TEST_F(Predict, bad_sessions_are_skipped_and_counted_when_the_others_are_answered) {
  std::istringstream in("[\"Egg\", \"Cup\"]\n[\"\"]\nnot JSON\n[\"Salt\", \"Pepper\"]\n");
  std::ostringstream out;
  EXPECT_THAT(testing::message_of<DataError>([&] { predict(choice_, {}, in, out); }),
              AllOf(HasSubstr("2 were skipped"), HasSubstr("2 answered")));
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, HasSubstr("Pepper"));
}

TEST_F(Predict, a_long_session_is_asked_in_windows_whose_bundles_stand_side_by_side) {
  std::vector<std::string> titles;
  for (int i = 1; i <= 12; ++i) {
    titles.push_back(fmt::format("Thing number {}", i));
  }
  const std::vector<std::string> first(titles.begin(), titles.begin() + 6);
  const std::vector<std::string> second(titles.begin() + 6, titles.end());
  const auto answers =
      run(io::Json(titles).dump() + "\n" + io::Json(first).dump() + "\n" + io::Json(second).dump() + "\n");
  ASSERT_EQ(answers.size(), 3U);
  io::Json expected = answers[1]["titles"];
  expected.insert(expected.end(), answers[2]["titles"].begin(), answers[2]["titles"].end());
  EXPECT_EQ(answers[0]["titles"], expected);
  EXPECT_EQ(answers[0]["confidence"],
            std::min(answers[1]["confidence"].get<double>(), answers[2]["confidence"].get<double>()));
  EXPECT_THAT(answers[0]["note"].get<std::string>(), HasSubstr("2 windows of at most 10 items"));
  ASSERT_EQ(answers[0]["windows"].size(), 2U);
  EXPECT_EQ(answers[0]["windows"][1]["items"], io::Json::parse("[7, 8, 9, 10, 11, 12]"));
}

TEST_F(Predict, a_table_comes_back_with_the_bundles_of_its_rows) {
  const std::string table =
      "\xEF\xBB\xBF"
      "when,Session ID,item_id,Titles\r\n"
      "mon,a,x1,\"Salt, fine\"\r\n"
      "mon,b,y1,Alone\r\n"
      "tue,a,x2,Pepper\r\n"
      "tue,a,x1,\"Salt, fine\"\r\n"
      "wed,c,z1,\r\n"
      "wed,c,z2,Soap\r\n"
      "wed,d,short\r\n";
  std::istringstream in(table);
  std::ostringstream out;
  EXPECT_THAT(testing::message_of<DataError>([&] { predict(choice_, {.table = TableColumns()}, in, out); }),
              AllOf(HasSubstr("2 were skipped"), HasSubstr("2 answered")));
  EXPECT_EQ(out.str(),
            "\xEF\xBB\xBF"
            "when,Session ID,item_id,Titles,bundle,confidence,note\n"
            "mon,a,x1,\"Salt, fine\",1,1,\n"
            "tue,a,x2,Pepper,1,1,\n"
            "tue,a,x1,\"Salt, fine\",1,1,\n"
            "mon,b,y1,Alone,,1,a bundle needs at least 2 items\n");
}

TEST_F(Predict, a_table_comes_back_with_its_delimiter_and_without_what_steers_a_terminal) {
  EXPECT_EQ(
      text_of(
          "sep=;\r\nsession;item;title;price\r\na;1;Salt \x1b[1m;1,50\r\n;;;\r\na;2;\"Pepper; black\";2\r\n",
          {.table = TableColumns(), .strict = true}),
      "session;item;title;price;bundle;confidence;note\n"
      "a;1;Salt [1m;1,50;1;1;\n"
      "a;2;\"Pepper; black\";2;1;1;\n");
}

TEST_F(Predict, bad_tables_are_refused_naming_line_and_value) {
  const auto refused = [&](const std::string& table, const TableColumns& columns = {}) {
    return testing::message_of<UserError>([&] { text_of(table, {.table = columns, .strict = true}); });
  };
  EXPECT_THAT(refused(""), HasSubstr("empty"));
  EXPECT_THAT(refused("cart,item,title\n"), AllOf(HasSubstr("session or session_id"), HasSubstr("cart")));
  EXPECT_THAT(refused("session,item,title\n", {"", "", "name", ""}),
              HasSubstr("column name (--title-column)"));
  EXPECT_THAT(refused("session,item,title,titles\n"),
              HasSubstr("one column title or titles, but has title, titles"));
  EXPECT_THAT(refused("session,item,title,K\xF6ln\n"), HasSubstr("the header must be UTF-8"));
  EXPECT_THAT(refused("session,item,title,town\n1,2,x,K\xF6ln\n"),
              AllOf(HasSubstr("must be UTF-8, but `town` has K\\xf6ln"), HasSubstr("input:2")));
  EXPECT_THAT(refused("[\"a\", \"b\"]\n"), HasSubstr("leave out --csv"));
  EXPECT_THAT(refused("session,item,title,note\n"), HasSubstr("has note"));
  EXPECT_THAT(refused("session,item,title\n1,2\n"), AllOf(HasSubstr("3 fields"), HasSubstr("input:2")));
  EXPECT_THAT(refused("session,item,title\n1,2,\"x\n"), HasSubstr("input:2"));
  EXPECT_THAT(refused("session,item,title\n,2,x\n"), HasSubstr("a session's id"));
  EXPECT_THAT(refused("session,item,title\n1,,x\n"), HasSubstr("an item's id"));
  EXPECT_THAT(refused("session,item,title\n1,2,\n"), HasSubstr("not blank"));
  EXPECT_THAT(refused("session,item,title\n1,2,\xFF\n"), AllOf(HasSubstr("UTF-8"), HasSubstr("input:2")));
  EXPECT_THAT(refused("session,item,title\n1,2,x\n1,2,y\n"),
              AllOf(HasSubstr("`x` in line 2"), HasSubstr("`y` here"), HasSubstr("input:3")));
}

TEST_F(Predict, a_prompt_beyond_the_context_is_refused_with_the_counts) {
  std::string title;
  for (int i = 0; i < 9000; ++i) {
    title += "lens ";
  }
  const std::string message = refusal<DataError>("[\"a\", \"b\"]\n[\"a\", \"" + title + "\"]\n");
  EXPECT_THAT(message, AllOf(HasSubstr("8192 tokens"), HasSubstr("standard input:2")));
  EXPECT_THAT(message, ::testing::ContainsRegex("has 9[0-2][0-9][0-9]"));
}

TEST_F(Predict, settings_that_cannot_answer_sessions_are_refused) {
  const auto with = [&](const std::string& assignment) {
    ModelChoice choice = choice_;
    choice.assignments.push_back(assignment);
    return testing::message_of<ConfigError>([&] {
      std::istringstream in("[\"a\", \"b\"]");
      std::ostringstream out;
      predict(choice, {}, in, out);
    });
  };
  EXPECT_THAT(with("data.examples=own.jsonl"), HasSubstr("own.jsonl"));
  EXPECT_THAT(with("decode.samples=0"), HasSubstr("decode.samples"));
  EXPECT_THAT(with("decode.select=verifier"), HasSubstr("needs no training, but is verifier"));
  EXPECT_THAT(with("predict.select=best"), HasSubstr("`predict.select` must be one of vote,"));
  EXPECT_THAT(with("predict.utility=recall"), HasSubstr("one of f1, jaccard_f1, mean, but is recall"));
  choice_.gate = "average";
  EXPECT_THAT(refusal<ConfigError>("[\"a\", \"b\"]"), HasSubstr("`average`"));
  choice_.run = folder_ / "nowhere";
  EXPECT_THAT(refusal<FileError>("[\"a\", \"b\"]"), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace routedk::workflow
