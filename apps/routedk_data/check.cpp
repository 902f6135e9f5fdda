#include "routedk/workflow/data/check_data.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_check(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::CheckDataOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Checks every rule of the data's format, label leaks and SHA256SUMS; errors end with 2.");
  add_data_dir(*command, options->data_dir);
  command->add_option("--domain", options->domain, "folder in --data-dir; default: all");
  command->add_flag("--json", options->json, "one JSON object instead of lines");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::check_data(*options, std::cout); }; });
}

}  // namespace routedk::apps
