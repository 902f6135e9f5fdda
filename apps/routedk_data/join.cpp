#include "routedk/workflow/data/join_data.h"

#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"

namespace routedk::apps {

void add_join(CLI::App& app, Chosen& chosen) {
  const auto data = std::make_shared<DataArguments>();
  const auto options = std::make_shared<workflow::JoinDataOptions>();
  CLI::App* command = app.add_subcommand(
      "join", "Makes a data folder to learn from several domains while one of them is evaluated.");
  data->add_to(*command);
  command->add_option("--with", options->others, "other domains, whose training sessions are added")
      ->required()
      ->check(not_empty)
      ->group(kDataGroup);
  command->add_option("--to", options->output, "the new data folder")
      ->required()
      ->check(not_empty)
      ->group(kOutputGroup);
  explain(*command, {"routedk-data join --domain electronic --with clothing food --to runs/joined"},
          "docs/data.md");
  command->callback([data, options, &chosen] {
    chosen = [data, options] {
      options->evaluated = {data->dir, data->domain, data->counts()};
      workflow::join_data(*options, std::cout);
    };
  });
}

}  // namespace routedk::apps
