#include "routedk/workflow/inspect/merge.h"

#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_merge(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::MergeOptions>();
  CLI::App* command = app.add_subcommand(
      "merge", "Adds adapters into a model's weights and writes a dense Hugging Face folder.");
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder")->required();
  command->add_option("--adapter", options->adapters, "a PEFT folder; once for each adapter")
      ->allow_extra_args(false)
      ->required();
  command->add_option("--weights", options->weights, "one per adapter: w,w,...; 1/K each by default")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--output", options->output, "a new folder")->required();
  add_threads(*command);
  command->callback([options, &chosen] { chosen = [options] { workflow::merge(*options); }; });
}

}  // namespace routedk::apps
