#include "routedk/workflow/steps/steps.h"

#include "add_choice.h"
#include "common.h"
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Lets a teacher write rules and a thought about every training session, into RUN/knowledge.jsonl. "
      "Records whose inputs have not changed are kept.");
  apps::explain(app,
                {"routedk-distill configs/experiments/demo.yaml",
                 "routedk-distill configs/experiments/demo.yaml --report"},
                "docs/teachers.md");
  workflow::ProgramOptions options;
  bool report = false;
  bool evaluate = false;
  bundle::SplitPart split = bundle::SplitPart::kTrain;
  apps::add_step_options(app, options);
  apps::add_shard(app, options);
  app.add_flag("--merge", options.merge, "merge the parts written by --shard, or name the missing ones")
      ->group(apps::kProcessesGroup);
  app.add_flag("--report", report, "print what the run folder holds, failures and costs, and stop")
      ->group(apps::kOutputGroup);
  app.add_flag("--evaluate-teacher", evaluate, "print the metrics of the teacher's own answers and stop")
      ->excludes("--report")
      ->group(apps::kOutputGroup);
  apps::add_choice(app, "--split", split, "the sessions of --evaluate-teacher")->group(apps::kDataGroup);
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
