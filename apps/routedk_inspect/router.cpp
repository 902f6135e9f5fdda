#include "routedk/workflow/inspect/inspect.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_router(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::InspectOptions>();
  CLI::App* command =
      app.add_subcommand("router", "A router: its configuration and tensors with types, sizes and norms.");
  explain(*command, {"routedk-inspect router runs/sample-electronic/router"}, "docs/formats.md");
  command->add_option("path", options->path, "a router's folder")->required();
  command->add_flag("--json", options->json, "one JSON object instead of a table");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::inspect_router(*options, std::cout); }; });
}

}  // namespace routedk::apps
