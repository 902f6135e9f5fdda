#include "routedk/workflow/inspect/inspect.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_checkpoint(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "checkpoint", "A training checkpoint: its state and tensors with types, sizes and norms.");
  explain(*command, {"routedk-inspect checkpoint runs/sample-electronic/steps/train-base/checkpoints/*"},
          "docs/formats.md");
  command->add_option("path", options->path, "a checkpoint, or a folder of which the newest is taken")
      ->required();
  command->add_flag("--json", options->json, "one JSON object instead of a table");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::inspect_checkpoint(*options, std::cout); }; });
}

}  // namespace routedk::apps
