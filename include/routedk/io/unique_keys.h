/// JSON in which no object has a key twice.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace routedk::io {

/// Follows nlohmann's parser through its callback, since the result shows no duplicates.
class KeyWatch {
 public:
  /// The key that this event gives to an object that has it already.
  std::optional<std::string> repeated(nlohmann::json::parse_event_t event, const nlohmann::json& value);

 private:
  std::vector<std::set<std::string>> open_;  // keys of the objects around
};

/// FileError naming `file` and `part` ("header") when the text is no JSON object or a key occurs twice at any
/// depth.
nlohmann::json parse_unique_keys(std::string_view text, const std::string& file, const char* part);

}  // namespace routedk::io
