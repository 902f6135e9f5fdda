#include "routedk/workflow/steps/steps.h"

#include "common.h"
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Runs a whole experiment: distil -> train -> router -> evaluate. Steps that are done are skipped.");
  app.footer(
      "Examples:\n  routedk-run configs/experiments/demo.yaml\n"
      "  routedk-run configs/experiments/demo.yaml --set data.domain=food --set run.dir=runs/food\n"
      "  routedk-run configs/experiments/demo.yaml --from router");
  workflow::ProgramOptions options;
  std::string from;
  apps::add_experiment_options(app, options);
  app.add_option("--from", from,
                 "redo this step and those after it: distil, train, router, controls or evaluate");
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    workflow::with_experiment(options, [&](workflow::Experiment& experiment) {
      workflow::run_experiment(experiment, from);
      fmt::print("{}", workflow::outcome(experiment));
    });
  });
}
