#include "routedk/workflow/steps/steps.h"

#include "add_choice.h"
#include "common.h"
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Lets the teacher write rules and a thought about every training session into RUN/knowledge.jsonl; "
      "what is there under the same inputs is kept.");
  app.footer(
      "Examples:\n  routedk-distill configs/experiments/demo.yaml --set thoughts.mentions=numbers --set "
      "run.dir=runs/numbers\n  routedk-distill configs/experiments/endpoint_teacher.yaml\n"
      "  routedk-distill configs/experiments/demo.yaml --report\n"
      "  routedk-distill configs/experiments/demo.yaml --set teacher.kind=local --set teacher.held_out=true "
      "--evaluate-teacher --split val\n"
      "  routedk-distill configs/experiments/endpoint_teacher.yaml --shard 2/4");
  workflow::ProgramOptions options;
  bool report = false;
  bool evaluate = false;
  bundle::SplitPart split = bundle::SplitPart::kTrain;
  apps::add_step_options(app, options);
  apps::add_shard(app, options);
  app.add_flag("--merge", options.merge, "combine the parts written by --shard; missing ones are named");
  app.add_flag("--report", report, "print what the run folder holds, failures and costs, and stop");
  app.add_flag("--evaluate-teacher", evaluate, "print the metrics of the teacher's own answers and stop")
      ->excludes("--report");
  apps::add_choice(app, "--split", split, "whose sessions --evaluate-teacher asks about");
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    if (report || evaluate) {
      return workflow::with_experiment(options, [&](workflow::Experiment& experiment) {
        fmt::print("{}", report ? workflow::distil_report(experiment)
                                : workflow::evaluate_teacher(experiment, split));
      });
    }
    workflow::with_step(options, workflow::StepKind::kDistil, workflow::distil_step);
  });
}
