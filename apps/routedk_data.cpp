#include "routedk/workflow/data_commands.h"

#include "common.h"
#include <fmt/format.h>

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Looks at bundle data.");
  app.footer(
      "Examples:\n  routedk-data split --data-dir data/sample --domain electronic\n"
      "  routedk-data stats --data-dir data/sample --domain food --json");
  app.require_subcommand(1);
  apps::DataArguments data;
  bool json = false;
  CLI::App* split = app.add_subcommand("split", "Prints the session ids of train, val and test as JSON.");
  CLI::App* stats =
      app.add_subcommand("stats", "Prints sessions, items, bundles, lengths and missing titles.");
  data.add_to(*split);
  data.add_to(*stats);
  stats->add_flag("--json", json, "as JSON");
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    const workflow::DataCommandOptions options{data.dir, data.domain, data.counts()};
    if (*split) {
      fmt::print("{}\n", workflow::split_json(options).dump());
      return;
    }
    const io::Json figures = workflow::stats_json(options);
    fmt::print("{}\n", json ? figures.dump(2) : workflow::stats_text(figures));
  });
}
