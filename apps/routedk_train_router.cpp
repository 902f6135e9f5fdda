#include "routedk/workflow/steps/steps.h"

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Trains the router over the frozen experts of RUN/experts into RUN/router, then the controls that "
      "eval.systems names.");
  app.footer("Example:\n  routedk-train-router configs/experiments/demo.yaml");
  workflow::ProgramOptions options;
  apps::add_step_options(app, options);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    workflow::with_step(options, workflow::StepKind::kRouter, [](workflow::Experiment& experiment) {
      workflow::router_step(experiment);
      workflow::controls_step(experiment);
    });
  });
}
