/// JSON in which no object has a key twice.
#pragma once

#include "routedk/core/error.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace routedk::io {

/// FileError naming `file` and `part` ("header") when the text is no JSON object or a key comes twice at any
/// depth.
inline nlohmann::json parse_unique_keys(std::string_view text, const std::string& file, const char* part) {
  using nlohmann::json;
  std::vector<std::set<std::string>> open;
  const auto refuse_duplicates = [&](int /*depth*/, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) {
      open.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      open.pop_back();
    } else if (event == json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second) {
      throw_<FileError>("{}: `{}` must be in the {} once, but is there twice.", file,
                        value.get<std::string>(), part);
    }
    return true;
  };
  try {
    json parsed = json::parse(text, refuse_duplicates);
    if (parsed.is_object()) {
      return parsed;
    }
  } catch (const json::exception& error) {
    throw_<FileError>("{}: the {} must be JSON: {}.", file, part, std::string(error.what()).substr(0, 200));
  }
  throw_<FileError>("{}: the {} must be a JSON object, but is something else.", file, part);
}

}  // namespace routedk::io
