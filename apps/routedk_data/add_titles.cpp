#include "routedk/workflow/data/add_titles.h"

#include <iostream>
#include <memory>

#include "commands.h"

namespace routedk::apps {

void add_add_titles(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::AddTitlesOptions>();
  CLI::App* command = app.add_subcommand(
      "add-titles", "Completes a domain's missing titles from product metadata (Amazon 2014).");
  command
      ->add_option("--metadata", options->metadata,
                   "one product per line, JSON or Python literals, plain or gzip")
      ->required();
  command->add_option("--mapping", options->mapping, "CSV of item ID and ASIN: item_idx_mapping.csv")
      ->required();
  command->add_option("--data-dir", options->data_dir, "folder of the domains")
      ->required()
      ->envname("ROUTEDK_DATA_DIR");
  command->add_option("--domain", options->domain, "folder in --data-dir")->required();
  command->footer(
      "Examples:\n  routedk-data add-titles --data-dir DIR --domain food \\\n"
      "    --mapping item_idx_mapping.csv --metadata meta_Grocery_and_Gourmet_Food.json.gz\nMore: "
      "docs/data.md");
  command->add_option("--output", options->output, "default: item_titles_full.csv of the domain");
  command
      ->add_option("--max-bad-lines", options->max_bad_lines, "fail if more lines than this are not products")
      ->capture_default_str();
  command->add_flag("--json", options->json, "the report as JSON");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::add_titles(*options, std::cout); }; });
}

}  // namespace routedk::apps
