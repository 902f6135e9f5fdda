// The systems that an evaluation compares.
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"

#include <cstddef>
#include <map>
#include <set>

#include "workflow/evaluation_of_sample.h"
#include <gmock/gmock.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;

class EvaluateSystems : public EvaluateStep {};

TEST_F(EvaluateSystems, a_static_router_is_called_so_and_a_folder_of_a_router_is_a_system) {
  config_.router.kind = experts::RouterKind::kStatic;
  config_.eval.systems = {"dynamic"};
  EXPECT_THAT(refused(), HasSubstr("must call the run's router `static`"));
  const auto other = folder_ / "other";
  const model::LlamaConfig& shape = testing::real_model()->config();
  experts::save_router(
      experts::RouterGate(shape.layers, shape.hidden, 2, {.kind = experts::RouterKind::kStatic}),
      config_.experts, other);
  config_.eval.systems = {"average", "static", "router:" + other.string()};
  const io::Json systems = evaluate()["systems"];
  for (const std::string& name : config_.eval.systems) {  // all of them 1/2 and 1/2
    EXPECT_EQ(systems[name]["f1"], systems["average"]["f1"]) << name;
    EXPECT_EQ(systems[name]["routing"][0]["mean"], (io::Json{0.5, 0.5})) << name;
  }
}

TEST_F(EvaluateSystems, a_sparse_system_is_the_runs_router_with_fewer_experts) {
  config_.eval.systems = {"dynamic", "top_k:2", "threshold:0.5", "top_k:1"};
  const io::Json systems = evaluate()["systems"];
  for (const char* name : {"top_k:2", "threshold:0.5"}) {  // keep both
    EXPECT_EQ(systems[name]["routing"], systems["dynamic"]["routing"]) << name;
    EXPECT_EQ(systems[name]["f1"], systems["dynamic"]["f1"]) << name;
  }
  for (const io::Json& layer : systems["top_k:1"]["routing"]) {  // of equals the first
    EXPECT_EQ(layer["mean"], (io::Json{1.0, 0.0}));
  }
}

TEST_F(EvaluateSystems, an_ablated_system_is_the_runs_router_without_one_expert) {
  config_.eval.systems = {"dynamic", "ablate:base", "ablate:merged"};
  const io::Json systems = evaluate()["systems"];
  for (std::size_t layer = 0; layer < systems["dynamic"]["routing"].size(); ++layer) {
    EXPECT_EQ(systems["dynamic"]["routing"][layer]["mean"], (io::Json{0.5, 0.5}));
    EXPECT_EQ(systems["ablate:base"]["routing"][layer]["mean"], (io::Json{0.0, 0.5}));
    EXPECT_EQ(systems["ablate:merged"]["routing"][layer]["mean"], (io::Json{0.5, 0.0}));
  }
}

TEST_F(EvaluateSystems, a_permuted_system_gives_each_session_the_weights_of_another) {
  config_.eval.systems = {"permuted", "dynamic", "random_router"};
  config_.eval.limit = 3;
  {
    Experiment experiment(config_);
    prepare(experiment);
    const model::LlamaConfig& shape = testing::real_model()->config();
    experts::RouterGate router(shape.layers, shape.hidden, 2, {});
    const at::Tensor values = router.parameters().values();
    values.copy_(at::sin(at::arange(values.numel(), at::kFloat)) * 0.1);
    experts::save_router(router, config_.experts, experiment.router_folder());
  }
  const io::Json systems = evaluate()["systems"];
  std::map<std::string, std::map<std::int64_t, io::Json>> alpha;
  for (const char* name : {"permuted", "dynamic", "random_router"}) {
    io::read_jsonl(folder_ / "run/answers" / (std::string(name) + ".jsonl"),
                   [&](const io::Json& line, std::int64_t) {
                     alpha[name][line["session"].get<std::int64_t>()] = line["alpha"];
                   });
  }
  std::set<std::string> given;
  std::set<std::string> routed;
  for (const auto& [session, weights] : alpha.at("dynamic")) {
    EXPECT_NE(alpha.at("permuted").at(session), weights) << session;
    EXPECT_NE(alpha.at("random_router").at(session), weights) << session;
    given.insert(alpha.at("permuted").at(session).dump());
    routed.insert(weights.dump());
  }
  EXPECT_EQ(given, routed) << "the same weights, given to others";
  for (std::size_t layer = 0; layer < systems["dynamic"]["routing"].size(); ++layer) {
    for (std::size_t expert = 0; expert < 2; ++expert) {
      EXPECT_NEAR(systems["permuted"]["routing"][layer]["mean"][expert].get<double>(),
                  systems["dynamic"]["routing"][layer]["mean"][expert].get<double>(), 1e-6);
    }
  }
  EXPECT_EQ(systems["dynamic"]["alpha_with"]["length"].size(), 2U);
  const io::Json sessions = io::read_json(folder_ / "run/steps/evaluate/sessions.json");
  EXPECT_EQ(sessions["sessions"].size(), 3U);
  EXPECT_EQ(sessions["alpha_entropy"]["permuted"].size(), 3U);
}

TEST_F(EvaluateSystems, a_permuted_system_draws_only_the_candidates_that_it_lacks) {
  config_.eval.systems = {"permuted", "dynamic"};
  const auto candidates = [&] {
    evaluate();
    std::map<std::int64_t, io::Json> found;
    io::read_jsonl(folder_ / "run/answers/permuted.jsonl", [&](const io::Json& line, std::int64_t) {
      found[line["session"].get<std::int64_t>()] = line["candidates"];
    });
    return found;
  };
  const auto two = candidates();
  config_.eval.samples = {3};
  for (auto& [session, three] : candidates()) {
    ASSERT_EQ(three.size(), 3U);
    three.erase(std::size_t{2});
    EXPECT_EQ(three, two.at(session));
  }
  for (const char* system : {"permuted", "dynamic"}) {
    std::int64_t drawn = 0;
    io::read_jsonl(folder_ / "run/steps" / (std::string("answer-") + system) / "more.jsonl",
                   [&](const io::Json& line, std::int64_t) {
                     EXPECT_EQ(line["candidates"].size(), 1U) << system;
                     ++drawn;
                   });
    EXPECT_EQ(drawn, 2) << system;
  }
}

TEST_F(EvaluateSystems, a_probe_says_by_layer_what_the_routers_input_holds) {
  config_.watch.probe = true;
  config_.eval.limit = 12;
  Experiment experiment(config_);
  prepare(experiment);
  probe_step(experiment);
  const io::Json json = io::read_json(folder_ / "run/probe.json");
  const auto layers = static_cast<std::size_t>(testing::real_model()->config().layers);
  for (const char* trait : {"length", "title_similarity", "intents"}) {
    EXPECT_EQ(json["r2"][trait].size(), layers) << trait;
  }
  EXPECT_GT(json["r2"]["length"][layers / 2].get<double>(), 0.0) << "the number of items is plain to see";
}

TEST_F(EvaluateSystems, itemsets_and_related_groups_answer_without_a_model) {
  config_.eval.systems = {"itemsets", "related_groups"};
  const io::Json systems = evaluate()["systems"];
  for (const std::string system : {"itemsets", "related_groups"}) {
    EXPECT_FALSE(systems[system].contains("oracle"));
    EXPECT_EQ(systems[system]["parse_rate"], 1.0);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run/steps" / ("answer-" + system)));
  }
  EXPECT_GT(systems["related_groups"]["f1"].get<double>(), 0.5)
      << "the sample's categories give bundles away";
}

}  // namespace
}  // namespace routedk::workflow
