#include "routedk/core/error.h"
#include "routedk/experts/gate_spec.h"
#include "routedk/workflow/predict/predict.h"

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

#include "common.h"
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk::apps {
namespace {

/// FileError where std::cin would take a folder, or a closed standard input, for an empty one.
void require_standard_input() {
  struct stat status {};
  const bool is_open = ::fstat(STDIN_FILENO, &status) == 0;
  if (!is_open || S_ISDIR(status.st_mode)) {
    throw_<FileError>("standard input must be readable, but is {} instead", is_open ? "a folder" : "closed");
  }
}

struct Arguments {
  workflow::ModelChoice model;
  workflow::PredictOptions bundles;
  workflow::TableColumns columns;
  bool csv = false;
  workflow::CompletionOptions text;
  std::optional<std::int64_t> max_new_tokens;
  std::optional<double> temperature;

  void add_to(CLI::App& app) {
    CLI::Option* run = app.add_option("--run", model.run, "a run's folder: its settings, experts and router")
                           ->check(not_empty)
                           ->group(kModelGroup);
    app.add_option("--model", model.model, "a GGUF file or a Hugging Face folder: --set model.path=PATH")
        ->check(not_empty)
        ->group(kModelGroup);
    app.add_option("--adapter", model.adapters, "a PEFT folder; once for each expert")
        ->check(not_empty)
        ->group(kModelGroup)
        ->allow_extra_args(false)
        ->excludes(run);
    app.add_option("--gate", model.gate,
                   "an expert's name, a router's folder, " +
                       experts::gate_forms(experts::weighs_given_experts) + "; with --run also " +
                       experts::gate_forms(experts::takes_router))
        ->check(not_empty)
        ->group(kModelGroup);
    app.add_option("--set", model.assignments, "override settings: decode.samples=8 ...")
        ->allow_extra_args(false)
        ->group(kSettingsGroup);
    add_threads(app);
    app.add_option("--max-new-tokens", max_new_tokens, "--set decode.max_new_tokens=NUMBER")
        ->group(kDecodingGroup);
    app.add_option("--temperature", temperature, "--set decode.temperature=NUMBER; 0 is greedy")
        ->group(kDecodingGroup);
    CLI::Option* prompt =
        app.add_option("--prompt", text.prompt, "continue this text; -: read it from standard input")
            ->group(kDataGroup);
    app.add_flag("--raw", text.raw, "use the text as it is, not as the user's turn of a chat")
        ->needs(prompt)
        ->group(kDataGroup);
    app.add_flag("--json", text.json, "print text, tokens and seconds as one object at the end")
        ->needs(prompt)
        ->group(kOutputGroup);
    CLI::Option* why =
        app.add_flag("--why", bundles.why, "also the candidates with votes, and each layer's weights")
            ->excludes(prompt)
            ->group(kOutputGroup);
    CLI::Option* pretty =
        app.add_flag("--pretty", bundles.pretty, "indent the answers")->excludes(prompt)->group(kOutputGroup);
    app.add_flag("--strict", bundles.strict, "stop at the first session that cannot be answered")
        ->excludes(prompt)
        ->group(kDataGroup);
    CLI::Option* table =
        app.add_flag(
               "--csv", csv,
               "a table instead of JSON, its fields separated by , ; tab or |: one row per item, answered "
               "with the columns bundle, confidence and note")
            ->excludes(prompt)
            ->excludes(pretty)
            ->excludes(why)
            ->group(kDataGroup);
    app.add_option("--session-column", columns.session, "default: session, session_id, \"session ID\" ...")
        ->needs(table)
        ->group(kDataGroup);
    app.add_option("--item-column", columns.item, "default: item, item_id, \"item ID\" ...")
        ->needs(table)
        ->group(kDataGroup);
    app.add_option("--title-column", columns.title, "default: title, titles")
        ->needs(table)
        ->group(kDataGroup);
    app.add_option("--category-column", columns.category, "default: category, categories; may be missing")
        ->needs(table)
        ->group(kDataGroup);
  }

  template <typename Number>
  void assign(const std::string& setting, const std::optional<Number>& value) {
    if (value) {
      model.assignments.push_back(fmt::format("{}={}", setting, *value));
    }
  }
};

}  // namespace
}  // namespace routedk::apps

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Answers sessions of titles with their bundles and a confidence, or continues free text with --prompt. "
      "Sessions are JSON, one per line, or CSV, on standard input. A session that cannot be answered is "
      "named by its line and skipped; the program then ends with 2. The confidence is not calibrated: 0.9 "
      "does not mean right 9 times in 10.");
  apps::explain(
      app,
      {"routedk-predict --run runs/sample-electronic <examples/session.json",
       "routedk-predict --model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf --prompt 'Name a fruit.'"},
      "docs/predict.md");
  apps::Arguments arguments;
  arguments.add_to(app);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  arguments.assign("decode.max_new_tokens", arguments.max_new_tokens);
  arguments.assign("decode.temperature", arguments.temperature);
  return workflow::run_program([&] {
    if (app.count("--prompt") == 0 || arguments.text.prompt == "-") {
      apps::require_standard_input();
    }
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
