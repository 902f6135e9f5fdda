#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/predict/predict.h"

#include <iostream>

#include "common.h"
#include <unistd.h>

namespace routedk::apps {
namespace {

struct Arguments {
  workflow::ModelChoice model;
  workflow::PredictOptions bundles;
  workflow::TableColumns columns;
  bool csv = false;
  workflow::CompletionOptions text;
  std::string max_new_tokens;
  std::string temperature;

  void add_to(CLI::App& app) {
    CLI::Option* run = app.add_option("--run", model.run, "a run's folder: its settings, experts and router");
    app.add_option("--model", model.model, "a GGUF file or a Hugging Face folder: --set model.path=PATH");
    app.add_option("--adapter", model.adapters, "a PEFT folder; once for each expert")
        ->allow_extra_args(false)
        ->excludes(run);
    app.add_option("--gate", model.gate,
                   "an expert's name, a router's folder, " +
                       experts::gate_forms(experts::weighs_given_experts) + "; with --run also " +
                       experts::gate_forms(experts::takes_router));
    app.add_option("--set", model.assignments, "override settings: decode.samples=8 ...")
        ->allow_extra_args(false);
    add_threads(app);
    app.add_option("--max-new-tokens", max_new_tokens, "--set decode.max_new_tokens=NUMBER");
    app.add_option("--temperature", temperature, "--set decode.temperature=NUMBER; 0 is greedy");
    CLI::Option* prompt = app.add_option("--prompt", text.prompt, "go on from this text; - reads it");
    app.add_flag("--raw", text.raw, "the text as it is, not as the user's turn of a chat")->needs(prompt);
    app.add_flag("--json", text.json, "text, tokens and seconds as one object at the end")->needs(prompt);
    CLI::Option* why =
        app.add_flag("--why", bundles.why, "also the candidates with votes, and each layer's weights")
            ->excludes(prompt);
    CLI::Option* pretty = app.add_flag("--pretty", bundles.pretty, "indent the answers")->excludes(prompt);
    app.add_flag("--strict", bundles.strict, "stop at the first session that cannot be asked")
        ->excludes(prompt);
    CLI::Option* table =
        app.add_flag("--csv", csv,
                     "a table instead of JSON: a row an item, answered with the columns bundle, "
                     "confidence and note")
            ->excludes(prompt)
            ->excludes(pretty)
            ->excludes(why);
    app.add_option("--session-column", columns.session, "default: session, session_id, \"session ID\" ...")
        ->needs(table);
    app.add_option("--item-column", columns.item, "default: item, item_id, \"item ID\" ...")->needs(table);
    app.add_option("--title-column", columns.title, "default: title, titles")->needs(table);
  }

  void assign(const std::string& setting, const std::string& value) {
    if (!value.empty()) {
      model.assignments.push_back(setting + "=" + value);
    }
  }
};

}  // namespace
}  // namespace routedk::apps

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Reads sessions of titles as JSON, one a line, or as CSV, and answers each with its bundles and a "
      "confidence; or, with --prompt, goes on from any text. The confidence is the share of the candidates "
      "that "
      "agree, or their expected utility: it is not calibrated, 0.9 does not mean right 9 times in 10 (an "
      "evaluation's `ece` in results.json says how far off it is). Sessions of more than 10 items are asked "
      "about in windows of at most 10, in the order given. A session that cannot be asked is named by its "
      "line "
      "and skipped; the program then ends with 2.");
  app.footer(
      "Examples:\n  echo '[\"Canon EOS 70D\", \"50mm lens for Canon\", \"garden hose\"]' | routedk-predict "
      "--run "
      "runs/sample-electronic\n"
      "  echo '{\"items\": [{\"id\": 17, \"title\": \"HDMI cable\"}, {\"id\": 4, \"title\": \"LED TV\"}]}' | "
      "routedk-predict --run DIR --why --pretty\n"
      "  routedk-predict --run DIR --csv --title-column name <carts.csv >bundles.csv\n"
      "  routedk-predict --run DIR --set predict.select=expected_utility --set decode.samples=32 --set "
      "decode.temperature=1 <sessions.jsonl\n"
      "  routedk-predict --run DIR --prompt 'Name three things for a picnic.'");
  apps::Arguments arguments;
  arguments.add_to(app);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  arguments.assign("decode.max_new_tokens", arguments.max_new_tokens);
  arguments.assign("decode.temperature", arguments.temperature);
  return workflow::run_program([&] {
    arguments.bundles.typed_in = arguments.text.typed_in = ::isatty(STDIN_FILENO) == 1;
    if (app.count("--prompt") > 0) {
      workflow::complete(arguments.model, arguments.text, std::cin, std::cout);
    } else {
      if (arguments.csv) {
        arguments.bundles.table = arguments.columns;
      }
      arguments.bundles.progress = ::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 0;
      workflow::predict(arguments.model, arguments.bundles, std::cin, std::cout);
    }
  });
}
