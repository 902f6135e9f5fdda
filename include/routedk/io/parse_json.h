/// Parses JSON documents that come as text, from another process rather than from a file.
#pragma once

#include "routedk/io/jsonl.h"

#include <string>
#include <string_view>

namespace routedk::io {

/// Reads one JSON document, nested at most 500 deep; FileError names the `source`, the rule and the place.
Json parse_json(const std::string& text, const std::string& source);

/// Where the text that the parser refused stops being JSON: "is not from line 7, column 6 on: `]}`"
/// (of a text of one line: "is not from column 6 on").
std::string refusal_of(std::string_view text, const Json::exception& error);

}  // namespace routedk::io
