#include "routedk/workflow/data/score.h"
#include "routedk/workflow/steps/results_view.h"
#include "routedk/workflow/steps/steps.h"

#include "add_choice.h"
#include "common.h"
#include <fmt/format.h>

namespace {

using namespace routedk;

void add_columns(CLI::App& app, eval::TableView& view) {
  app.add_option("--columns", view.columns, "columns to print, such as f1,exact_match; all: every column")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(apps::kOutputGroup);
}

/// Prints JSON, or the requested columns as a table.
void print_score(const workflow::ScoreOptions& options, const eval::TableView& view) {
  workflow::check_view(view);
  const io::Json score = workflow::score(options);
  const std::string name =
      options.predictor.empty() ? options.predictions.filename().string() : options.predictor;
  fmt::print("{}", view.columns.empty() ? score.dump(2) + "\n" : workflow::score_text(score, name, view));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Answers a split, or the examples kept from training, with every system of a run and measures it, on "
      "sessions with baselines; or scores a file of predictions.");
  apps::explain(app,
                {"routedk-eval configs/experiments/demo.yaml --set 'eval.samples=[1, 4]'",
                 "routedk-eval configs/experiments/demo.yaml --columns f1,exact_match,seconds --sort f1",
                 "routedk-eval score --data-dir data/sample --domain food --predictor similar_pairs"},
                "docs/evaluation.md, docs/settings.md");
  workflow::ProgramOptions options;
  apps::add_step_options(app, options);
  apps::add_shard(app, options);
  app.add_flag("--merge", options.merge, "merge the parts written by --shard, or name the missing ones")
      ->group(apps::kProcessesGroup);
  eval::TableView view;
  add_columns(app, view);
  app.add_option("--sort", view.sort, "the column whose best is printed first, or system")
      ->group(apps::kOutputGroup);
  app.require_subcommand(0, 1);
  workflow::ScoreOptions scoring;
  apps::DataArguments data;
  CLI::App* score = app.add_subcommand(
      "score", "Scores lines of {\"session\": id, \"bundles\": [[item ids]]}; null bundles: unparsed.");
  data.add_to(*score);
  add_columns(*score, view);
  apps::add_choice(*score, "--split", scoring.split, "which sessions")->group(apps::kDataGroup);
  score->add_option("--predictions", scoring.predictions, "JSON lines, one per session")
      ->group(apps::kDataGroup);
  score
      ->add_option(
          "--predictor", scoring.predictor,
          "a baseline instead of a file: whole, first_two, random_pairs, similar_pair, similar_pairs or "
          "similar_groups")
      ->group(apps::kDataGroup);
  score->add_option("--seed", scoring.seed, "seed of the bootstrap and of random_pairs")
      ->capture_default_str();
  std::string untitled;
  score->add_option("--untitled", untitled, "drop: the predictions were made without the untitled items")
      ->check(CLI::IsMember({"drop"}))
      ->group(apps::kDataGroup);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    if (*score) {
      scoring.data_dir = data.dir;
      scoring.untitled = untitled.empty() ? scoring.untitled : bundle::Untitled::kDrop;
      scoring.domain = data.domain;
      scoring.counts = data.counts();
      print_score(scoring, view);
      return;
    }
    workflow::with_step(options, workflow::StepKind::kAnswer, [&](workflow::Experiment& experiment) {
      workflow::check_view(experiment, view);
      workflow::evaluate_step(experiment);
      const workflow::StepId evaluate{workflow::StepKind::kEvaluate};
      if (workflow::is_done(experiment, evaluate)) {  // otherwise other shards are missing
        fmt::print("{}", workflow::results_text(experiment, view));
      }
    });
  });
}
