#include "../common.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Checks bundle data, splits it, and completes missing titles.");
  apps::explain(app,
                {"routedk-data check --data-dir data/sample",
                 "routedk-data stats --data-dir data/sample --domain food"},
                "docs/data.md");
  app.require_subcommand(1);
  apps::Chosen chosen;
  apps::add_split(app, chosen);
  apps::add_stats(app, chosen);
  apps::add_check(app, chosen);
  apps::add_add_titles(app, chosen);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program(chosen);
}
