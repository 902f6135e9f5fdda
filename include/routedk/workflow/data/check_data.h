/// `routedk-data check`.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace routedk::workflow {

struct CheckDataOptions {
  std::filesystem::path data_dir;
  std::string domain;  ///< empty: every domain of the folder
  bool json = false;   ///< {"domains": [names], "errors", "leaks", "warnings", "rules", "findings"}
};

/// Prints every finding of bundle::check_domain and bundle::check_checksums and their counts, then throws a
/// DataError when there are errors; leaks and warnings alone throw nothing. Errors as list_domains.
void check_data(const CheckDataOptions& options, std::ostream& out);

}  // namespace routedk::workflow
