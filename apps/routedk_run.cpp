#include "routedk/workflow/experiment/run_program.h"

#include "add_choice.h"
#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Runs experiments: distil -> train -> router -> answer -> evaluate -> compare, each a YAML. Steps that "
      "are done are skipped, and shared by all experiments of one store.");
  app.footer(
      "Examples:\n  routedk-run configs/experiments/demo.yaml\n"
      "  routedk-run configs/experiments/demo.yaml --set data.domain=food --set run.dir=runs/food\n"
      "  routedk-run configs/experiments/demo.yaml --from router\n"
      "  routedk-run configs/experiments/experts.yaml configs/experiments/fusion.yaml --plan\n"
      "  routedk-run configs/experiments/paper.yaml --set size=small --jobs 2 --keep-going");
  workflow::RunProgramOptions options;
  workflow::StepKind from{};
  app.add_option("config,--config", options.files, "experiments' YAML files; without one all defaults hold");
  apps::add_settings_options(app, options);
  app.add_flag("--plan", options.plan, "print each step with its state, time and memory and stop");
  app.add_flag("--gc", options.gc, "list the steps in the store that no given experiment uses and stop");
  apps::add_choice(
      app, "--from", from,
      "redo this kind of step (or that of a program: distill, train-router, eval) and those after it",
      workflow::step_of_program);
  app.add_option("--only", options.run.only,
                 "one step by its name in --plan, train-base, or by its program; its inputs must be done");
  app.add_flag("--keep-going", options.run.keep_going, "when a step fails, do what does not need it");
  app.add_option("--jobs", options.jobs, "processes that share the steps, and the threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  apps::add_shard(app, options);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  if (app.count("--from") > 0) {
    options.run.from = from;
  }
  options.arguments.assign(argv + 1, argv + argc);
  return workflow::run_program([&] { workflow::run_studies(options); });
}
