#include "routedk/workflow/steps/steps.h"

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Trains the router over the frozen experts of RUN/experts into RUN/router, then the controls that "
      "eval.systems names.");
  app.footer(
      "Examples:\n  routedk-train-router configs/experiments/demo.yaml\n"
      "  routedk-train-router configs/experiments/demo.yaml --adapters adapters/cooking adapters/travel");
  workflow::ProgramOptions options;
  std::vector<std::string> adapters;
  apps::add_step_options(app, options);
  app.add_option(
      "--adapters", adapters,
      "PEFT folders that are the experts, DIR or NAME=DIR, in place of `experts`: none is trained");
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
