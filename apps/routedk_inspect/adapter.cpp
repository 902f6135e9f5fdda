#include "routedk/workflow/inspect/inspect.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_adapter(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "adapter", "A PEFT adapter: whether it can be used, ranks and scales, its configuration and tensors.");
  explain(
      *command,
      {"routedk-inspect adapter tests/goldens/peft_a",
       "routedk-inspect adapter tests/goldens/peft_a --model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"},
      "docs/formats.md");
  command->add_option("path", options->path, "a PEFT folder")->required();
  command->add_option("--model", options->model, "the model that it must fit, to compare shapes too");
  command->add_flag("--json", options->json, "one JSON object instead of a table");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::inspect_adapter(*options, std::cout); }; });
}

}  // namespace routedk::apps
