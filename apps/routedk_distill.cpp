#include "routedk/workflow/steps.h"

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Lets the teacher write rules and a thought about every training session into RUN/knowledge.jsonl.");
  app.footer(
      "Example:\n  routedk-distill configs/experiments/demo.yaml --set thoughts.mentions=numbers --set "
      "run.dir=runs/numbers");
  workflow::ProgramOptions options;
  apps::add_step_options(app, options);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] { workflow::with_step(options, "distil", workflow::distil_step); });
}
