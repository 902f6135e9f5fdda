/// The JSON parts of model files.
#pragma once

#include "routedk/core/error.h"
#include "routedk/io/parse_json.h"

#include <string>
#include <string_view>

namespace routedk::io {

/// A JSON object with at most 16 nested brackets; `source` names it in errors: "m.safetensors: the header".
/// FileError as parse_json, and for anything but an object.
inline nlohmann::json parse_object(std::string_view text, const std::string& source) {
  constexpr int kMostDepth = 16;
  auto parsed = parse_json<nlohmann::json>(text, source, kMostDepth);
  if (!parsed.is_object()) {
    throw_<FileError>("{} must be a JSON object, but is something else.", source);
  }
  return parsed;
}

}  // namespace routedk::io
