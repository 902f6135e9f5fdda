#include "routedk/workflow/inspect/inspect.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_model(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::InspectOptions>();
  CLI::App* command =
      app.add_subcommand("model", "The shape of a model and its tensors with types, sizes and norms.");
  explain(*command,
          {"routedk-inspect model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf",
           "routedk-inspect model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf --json"},
          "docs/formats.md");
  command->add_option("path", options->path, "a GGUF file or a Hugging Face folder")->required();
  command->add_flag("--json", options->json, "one JSON object instead of a table");
  add_threads(*command);
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::inspect_model(*options, std::cout); }; });
}

}  // namespace routedk::apps
