#include "../common.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Looks at bundle data, checks and completes them.");
  app.footer(
      "Examples:\n  routedk-data split --data-dir data/sample --domain electronic\n"
      "  routedk-data stats --data-dir data/sample --domain food --json\n"
      "  routedk-data check --data-dir data/sample\n"
      "  routedk-data add-titles --data-dir DIR --domain food --mapping item_idx_mapping.csv --metadata "
      "meta_Grocery_and_Gourmet_Food.json.gz");
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
