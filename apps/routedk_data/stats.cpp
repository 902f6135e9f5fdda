#include "routedk/workflow/data/data_commands.h"

#include <memory>

#include "../common.h"
#include "commands.h"
#include <fmt/format.h>

namespace routedk::apps {

void add_stats(CLI::App& app, Chosen& chosen) {
  const auto data = std::make_shared<DataArguments>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("stats", "Prints sessions, items, bundles, lengths and missing titles.");
  data->add_to(*command);
  command->add_flag("--json", *json, "as JSON");
  command->callback([data, json, &chosen] {
    chosen = [data, json] {
      const io::Json figures = workflow::stats_json({data->dir, data->domain, data->counts()});
      fmt::print("{}\n", *json ? figures.dump(2) : workflow::stats_text(figures));
    };
  });
}

}  // namespace routedk::apps
