/// JSON documents that came as text, from another process rather than from a file.
#pragma once

#include "routedk/io/jsonl.h"

#include <string>

namespace routedk::io {

/// Reads one JSON document, nested at most 500 deep; FileError names the `source`, the rule and the place.
Json parse_json(const std::string& text, const std::string& source);

/// What the parser says, at most 200 characters of it; bytes that are no printable ASCII come from the input
/// and are shown as ?.
std::string parser_message(const Json::exception& error);

}  // namespace routedk::io
