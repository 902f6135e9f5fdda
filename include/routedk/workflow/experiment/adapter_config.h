/// The `adapters:` list: experts that somebody has trained already.
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

/// "adapters=[...]" for DIR or NAME=DIR each, called after their folders where no name is given.
std::string adapters_assignment(const std::vector<std::string>& folders);

}  // namespace routedk::workflow
