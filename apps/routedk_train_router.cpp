#include "routedk/workflow/steps/steps.h"

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Trains the router over the run's frozen experts, or over existing PEFT adapters, into RUN/router. "
      "Then it trains the controls that eval.systems names.");
  apps::explain(app,
                {"routedk-train-router configs/experiments/demo.yaml",
                 "routedk-train-router configs/experiments/demo.yaml --set router.data=holdout"},
                "docs/router.md, docs/settings.md");
  workflow::ProgramOptions options;
  std::vector<std::string> adapters;
  apps::add_step_options(app, options);
  app.add_option(
         "--adapters", adapters,
         "PEFT folders to use as experts, DIR or NAME=DIR, instead of `experts`; they are not trained")
      ->group(apps::kTrainingGroup);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  if (!adapters.empty()) {
    options.assignments.insert(options.assignments.end(),
                               {"experts=[]", workflow::adapters_assignment(adapters)});
  }
  return workflow::run_program([&] {
    workflow::with_step(options, workflow::StepKind::kRouter, [](workflow::Experiment& experiment) {
      workflow::router_step(experiment);
      workflow::controls_step(experiment);
    });
  });
}
