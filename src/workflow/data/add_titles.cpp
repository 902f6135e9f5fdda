#include "routedk/workflow/data/add_titles.h"

#include "routedk/bundle/complete_titles.h"
#include "routedk/bundle/dataset.h"
#include "routedk/core/display.h"
#include "routedk/io/jsonl.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

constexpr int kNamedBadLines = 10;

std::int64_t untitled(const bundle::TitleCoverage& coverage) {
  return coverage.items - coverage.titled - coverage.filled;
}

io::Json to_json(const bundle::TitleCoverage& coverage) {
  return {{"items", coverage.items},
          {"titled_before", coverage.titled},
          {"filled", coverage.filled},
          {"untitled",
           {{"items", untitled(coverage)},
            {"without_asin", coverage.unmapped},
            {"not_in_metadata", coverage.unlisted},
            {"blank_title", coverage.blank_title}}},
          {"products", coverage.metadata.products},
          {"bad_lines", coverage.metadata.bad_lines}};
}

std::string to_text(const bundle::TitleCoverage& coverage) {
  const bundle::TitleCoverage& c = coverage;
  return fmt::format(
      "titles of {}: {} present, {} filled, {} missing\n"
      "  ({} without ASIN, {} not in the metadata, {} blank there)\n"
      "{} read, {}\n",
      counted(c.items, "item"), c.titled, c.filled, untitled(c), c.unmapped, c.unlisted, c.blank_title,
      counted(c.metadata.products, "product"), counted(c.metadata.bad_lines, "bad line"));
}

}  // namespace

void add_titles(const AddTitlesOptions& options, std::ostream& out) {
  bundle::TitleSources sources;
  sources.domain = bundle::domain_folder(options.data_dir, options.domain);
  sources.mapping = options.mapping;
  sources.metadata = {options.metadata, options.max_bad_lines};
  sources.output = options.output.empty() ? sources.domain / "item_titles_full.csv" : options.output;
  int named = 0;
  const auto coverage = bundle::complete_titles(sources, [&](const std::string& message) {
    if (named++ < kNamedBadLines) {
      spdlog::warn("{}", message);
    }
  });
  if (coverage.filled == 0 && untitled(coverage) > 0) {
    spdlog::warn("no title was filled: do {} and {} belong to this domain?", sources.metadata.path.string(),
                 sources.mapping.string());
  }
  if (options.json) {
    io::Json report = {{"domain", options.domain}};
    report.update(to_json(coverage));
    report["output"] = sources.output.string();
    out << report.dump(2) << '\n';
  } else {
    out << options.domain << ": " << to_text(coverage) << "written to " << sources.output.string() << '\n';
  }
}

}  // namespace routedk::workflow
