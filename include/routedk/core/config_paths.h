/// Resolves a configuration's paths, for when it is read in another folder: a visitor of `fields`.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_types.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace routedk {

class ConfigPaths {
 public:
  explicit ConfigPaths(std::filesystem::path folder) : folder_(std::move(folder)) {}

  template <typename T, typename Rule = NoRule>
  void operator()(const char* /*name*/, T& member, std::string_view /*meaning*/, const Rule& rule = {}) {
    if constexpr (ConfigVector<T>) {
      for (auto& item : member) {
        (*this)("", item, "", rule);
      }
    } else if constexpr (ConfigSection<T>) {
      member.fields(*this);
    } else if constexpr (requires { Rule::seen_from(folder_, member); }) {
      member = Rule::seen_from(folder_, member);
    }
  }

 private:
  std::filesystem::path folder_;
};

/// The configuration with its input paths resolved against a folder.
template <typename T>
T with_paths_from(const std::filesystem::path& folder, T config) {
  ConfigPaths paths(folder);
  config.fields(paths);
  return config;
}

}  // namespace routedk
