#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/progress.h"
#include "routedk/eval/results.h"
#include "routedk/experts/router_file.h"
#include "routedk/workflow/steps.h"

#include <algorithm>

#include "answer_setting.h"
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;

bool mixes(const std::string& system) {
  return system == "average" || system == "dynamic";
}

std::unique_ptr<experts::Gate> gate_of(const Experiment& experiment, const experts::RoutedModel& model,
                                       const std::string& system) {
  const std::int64_t experts = model.bank().size();
  if (system == "average") {
    return std::make_unique<experts::FixedGate>(experts::FixedGate::average(experts));
  }
  if (system == "dynamic") {
    auto router = experts::load_router(experiment.router_folder(), model.backbone().config());
    if (router.experts != experiment.config().experts) {
      throw_<ConfigError>(
          "the router's experts must be those of `experts` in their order, but are {} instead ({})",
          fmt::join(router.experts, ", "), experiment.router_folder().string());
    }
    return std::make_unique<experts::RouterGate>(std::move(router.gate));
  }
  const int expert = system == "backbone" ? -1 : static_cast<int>(model.bank().index_of(system));
  return std::make_unique<experts::SingleExpertGate>(expert, experts);
}

/// Share of the sessions answered with one bundle of everything: a model that only ever says this has learnt
/// nothing.
double whole_share(const std::vector<Session>& sessions, const std::vector<eval::SessionAnswer>& answers) {
  std::int64_t whole = 0;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const auto& prediction = answers[i].prediction;
    whole +=
        prediction && prediction->size() == 1 && (*prediction)[0].size() == sessions[i].items.size() ? 1 : 0;
  }
  return static_cast<double>(whole) / static_cast<double>(std::max<std::size_t>(sessions.size(), 1));
}

eval::SystemResult run_system(Experiment& experiment, const decode::Decoder& decoder,
                              const std::string& system, const std::vector<Session>& sessions,
                              const bundle::BootstrapOptions& bootstrap) {
  Progress progress("answer " + system, static_cast<std::int64_t>(sessions.size()), "sessions");
  std::int64_t before = 0;
  const auto setting =
      answer_setting(experiment.config().decode, experiment.templates(), experiment.encoder());
  const auto answers =
      eval::answer_sessions(decoder, *gate_of(experiment, decoder.model(), system), sessions, setting,
                            experiment.answers_file(system), [&](std::int64_t done) {
                              progress.advance(done - before);
                              before = done;
                            });
  progress.finish();
  const double whole = whole_share(sessions, answers);
  if (whole > 0.8 && sessions.size() >= 10) {
    spdlog::warn("{} answers {:.0f} % of the sessions with one bundle of everything: it has collapsed",
                 system, 100.0 * whole);
  }
  return eval::score_answers(system, sessions, answers, mixes(system), bootstrap);
}

void write_results(Experiment& experiment, const std::vector<Session>& sessions,
                   const std::vector<eval::SystemResult>& systems,
                   const bundle::BootstrapOptions& bootstrap) {
  const ExperimentConfig& c = experiment.config();
  io::Json json = {{"domain", c.data.domain},
                   {"split", c.eval.split},
                   {"sessions", sessions.size()},
                   {"leaky_titles", experiment.dataset().leaky_titles},
                   {"leaky_categories", experiment.leaky_categories()},
                   {"samples", c.decode.samples},
                   {"temperature", c.decode.temperature},
                   {"systems", io::Json::object()},
                   {"against_backbone", io::Json::array()}};
  const auto backbone =
      std::find_if(systems.begin(), systems.end(), [](const auto& s) { return s.name == "backbone"; });
  for (const eval::SystemResult& system : systems) {
    json["systems"][system.name] = eval::to_json(system);
    if (backbone != systems.end() && system.name != "backbone") {
      json["against_backbone"].push_back(eval::compare_systems(system, *backbone, bootstrap));
    }
  }
  const std::string table = eval::results_table(systems);
  io::write_json(experiment.folder() / "results.json", json);
  write_file_atomic(experiment.folder() / "results.txt", table);
}

}  // namespace

void evaluate_step(Experiment& experiment) {
  require_sessions(experiment, "evaluate");
  const ExperimentConfig& c = experiment.config();
  for (const std::string& name : c.experts) {
    require_done(experiment, "train-" + name, "routedk-train");
  }
  if (std::find(c.eval.systems.begin(), c.eval.systems.end(), "dynamic") != c.eval.systems.end()) {
    require_done(experiment, "router", "routedk-train-router");
  }
  if (!begin_step(experiment, "evaluate")) {
    return;
  }
  const auto sessions = bundle::evenly_spread(experiment.split().part(c.eval.split), c.eval.limit);
  const experts::RoutedModel model = experiment.routed_model();
  const decode::Decoder decoder(model, kernels_of(c.decode));
  spdlog::info("decoding in {}", decoder.path());
  const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
  std::filesystem::create_directories(experiment.folder() / "answers");
  std::vector<eval::SystemResult> systems;
  for (const std::string& system : c.eval.systems) {
    systems.push_back(run_system(experiment, decoder, system, sessions, bootstrap));
  }
  const bundle::TfIdf titles(experiment.dataset().titles);
  for (const std::string_view floor : bundle::kFloorNames) {
    systems.push_back(eval::score_floor_system(std::string(floor), sessions, titles, bootstrap));
  }
  write_results(experiment, sessions, systems, bootstrap);
  mark_done(experiment, {"evaluate"});
}

}  // namespace routedk::workflow
