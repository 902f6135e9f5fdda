#include "routedk/workflow/data/data_commands.h"

#include <memory>

#include "../common.h"
#include "commands.h"
#include <fmt/format.h>

namespace routedk::apps {

void add_split(CLI::App& app, Chosen& chosen) {
  const auto data = std::make_shared<DataArguments>();
  CLI::App* command = app.add_subcommand("split", "Prints the session ids of train, val and test as JSON.");
  data->add_to(*command);
  command->callback([data, &chosen] {
    chosen = [data] {
      fmt::print("{}\n", workflow::split_json({data->dir, data->domain, data->counts()}).dump());
    };
  });
}

}  // namespace routedk::apps
