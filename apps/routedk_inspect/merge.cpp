#include "routedk/workflow/inspect/merge.h"

#include "routedk/workflow/inspect/inspect.h"

#include <memory>

#include "../common.h"
#include "commands.h"
#include <fmt/format.h>

namespace routedk::apps {

void add_merge(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::MergeOptions>();
  CLI::App* command = app.add_subcommand(
      "merge", "Adds adapters into a model's weights and writes a dense Hugging Face folder.");
  explain(*command,
          {"routedk-inspect merge --model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf --adapter "
           "tests/goldens/peft_a --output runs/merged"},
          "docs/formats.md");
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder")->required();
  command->add_option("--adapter", options->adapters, "a PEFT folder; once for each adapter")
      ->allow_extra_args(false)
      ->required();
  command->add_option("--weights", options->weights, "one per adapter: w,w,...; 1/K each by default")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--output", options->output, "a new folder")->required();
  add_threads(*command);
  command->callback([options, &chosen] {
    chosen = [options] {
      workflow::merge(*options);
      fmt::print("{}", workflow::written_text(options->output));
    };
  });
}

}  // namespace routedk::apps
