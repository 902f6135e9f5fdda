/// An environment that a test makes up.
#pragma once

#include "routedk/parallel/launch.h"

#include <map>
#include <string>
#include <utility>

namespace routedk::testing {

using Variables = std::map<std::string, std::string>;

inline parallel::Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace routedk::testing
