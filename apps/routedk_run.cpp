#include "routedk/workflow/experiment/run_program.h"
#include "routedk/workflow/experiment/settings_page.h"

#include "add_choice.h"
#include "common.h"
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Runs experiments: distil, train, router, answer, evaluate and compare, as a YAML file says. Finished "
      "steps are skipped, and shared by all experiments of one store.");
  apps::explain(
      app,
      {"routedk-run configs/experiments/demo.yaml", "routedk-run configs/experiments/experts.yaml --plan"},
      "docs/experiments.md, docs/settings.md");
  workflow::RunProgramOptions options;
  workflow::StepKind from{};
  bool settings = false;
  app.add_option("config,--config", options.files,
                 "experiments' YAML files; without one all settings are defaults")
      ->check(apps::not_empty)
      ->group(apps::kSettingsGroup);
  apps::add_settings_options(app, options);
  app.add_flag("--plan", options.plan, "print each step with its state, time and memory and stop")
      ->group(apps::kStepsGroup);
  app.add_flag("--gc", options.gc, "list the steps in the store that no given experiment uses and stop")
      ->group(apps::kStepsGroup);
  app.add_flag("--settings", settings,
               "print docs/settings.md: every setting with default and range, and stop")
      ->group(apps::kSettingsGroup);
  apps::add_choice(
      app, "--from", from,
      "repeat this kind of step (or that of a program: distill, train-router, eval) and those after it",
      workflow::step_of_program)
      ->default_str("")  // without it nothing is repeated
      ->group(apps::kStepsGroup);
  app.add_option("--only", options.run.only,
                 "do one step, by its name in --plan, as train-base, or by a program of one step, as eval; "
                 "its inputs "
                 "must be done")
      ->group(apps::kStepsGroup);
  app.add_flag("--keep-going", options.run.keep_going,
               "when a step fails, continue with those that do not need it")
      ->group(apps::kStepsGroup);
  app.add_option("--jobs", options.jobs, "worker processes; steps and threads are divided among them")
      ->group(apps::kProcessesGroup)
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
  return workflow::run_program([&] {
    if (settings) {
      fmt::print("{}", workflow::settings_page());
    } else {
      workflow::run_studies(options);
    }
  });
}
