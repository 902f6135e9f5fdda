/// JSON without repeated keys.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace routedk::io {

/// Watches nlohmann's parser through its callback, since the result does not show duplicates.
class KeyWatch {
 public:
  /// The key of this event, if its object already has that key.
  std::optional<std::string> repeated(nlohmann::json::parse_event_t event, const nlohmann::json& value);

 private:
  std::vector<std::set<std::string>> open_;  // keys of the enclosing objects
};

/// FileError, which names `file` and `part` ("header"), when the text is not a JSON object or a key is
/// repeated at any depth.
nlohmann::json parse_unique_keys(std::string_view text, const std::string& file, const char* part);

}  // namespace routedk::io
