/// `routedk-data join`.
#pragma once

#include "routedk/workflow/data/data_commands.h"

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace routedk::workflow {

struct JoinDataOptions {
  DataCommandOptions evaluated;
  std::vector<std::string> others;  ///< domains of the same data folder
  std::filesystem::path output;     ///< a new data folder
};

/// Writes a data folder whose domain, of the same name, has the sessions of `evaluated` and the training
/// sessions of `others` (bundle::join_domains), with its split.yaml, and prints how many. ConfigError when a
/// domain is named twice or the output exists; otherwise throws as load_dataset and join_domains do.
void join_data(const JoinDataOptions& options, std::ostream& out);

}  // namespace routedk::workflow
