#include "routedk/core/config_types.h"
#include "routedk/workflow/steps/steps.h"

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Trains LoRA experts on one frozen 4-bit backbone, into RUN/experts/NAME in PEFT's format.");
  apps::explain(app,
                {"routedk-train configs/experiments/demo.yaml",
                 "routedk-train configs/experiments/demo.yaml --expert base --set train.epochs=3"},
                "docs/training.md, docs/settings.md");
  workflow::ProgramOptions options;
  std::string init_adapter;
  apps::add_step_options(app, options);
  app.add_option("--init-adapter", init_adapter, "start from this PEFT folder: --set lora.init_adapter=DIR")
      ->group(apps::kTrainingGroup);
  app.add_option("--expert", options.expert, "a name from `experts`, or all: all of them at once")
      ->capture_default_str()
      ->group(apps::kTrainingGroup);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  if (!init_adapter.empty()) {
    options.assignments.push_back("lora.init_adapter=" + yaml_text(init_adapter));
  }
  return workflow::run_program([&] {
    workflow::with_step(options, workflow::StepKind::kTrain, [&](workflow::Experiment& experiment) {
      workflow::train_step(experiment, workflow::experts_named(experiment.config(), options.expert));
    });
  });
}
