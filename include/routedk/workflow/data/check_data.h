/// `routedk-data check`.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace routedk::workflow {

struct CheckDataOptions {
  std::filesystem::path data_dir;
  std::string domain;  ///< if empty, every domain in the folder
  bool json = false;   ///< {"domains": [names], "errors", "leaks", "warnings", "rules", "findings"}
};

/// Prints every finding of bundle::check_domain and bundle::check_checksums and their counts, then throws a
/// DataError if there are errors; leaks and warnings do not throw. Throws as list_domains does.
void check_data(const CheckDataOptions& options, std::ostream& out);

}  // namespace routedk::workflow
