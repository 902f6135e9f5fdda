/// The `adapters:` list: experts that are already trained.
#pragma once

#include "routedk/core/config_rules.h"

#include <string>
#include <vector>

namespace routedk::workflow {

struct AdapterConfig {
  std::string name;
  std::string path;

  template <typename F>
  void fields(F& f) {
    f("name", name, "what the expert is called");
    f("path", path, "its PEFT folder", InputPath());
  }
};

/// "adapters=[...]" from items of the form DIR or NAME=DIR; without a name, an expert is named after its
/// folder.
std::string adapters_assignment(const std::vector<std::string>& folders);

}  // namespace routedk::workflow
