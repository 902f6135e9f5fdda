/// `routedk-data add-titles`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>

namespace routedk::workflow {

struct AddTitlesOptions {
  std::filesystem::path data_dir;
  std::string domain;
  std::filesystem::path metadata;
  std::filesystem::path mapping;
  std::filesystem::path output;  ///< if empty, the domain's item_titles_full.csv
  std::int64_t max_bad_lines = 1000;
  bool json = false;
};

/// Completes the domain's titles (bundle::complete_titles) and prints how many of its items now have one. The
/// first 10 bad lines are logged. With `json`: {"domain", "items", "titled_before", "filled", "untitled":
/// {"items", "without_asin", "not_in_metadata", "blank_title"}, "products", "bad_lines", "output"}.
void add_titles(const AddTitlesOptions& options, std::ostream& out);

}  // namespace routedk::workflow
