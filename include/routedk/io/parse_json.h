/// Parses JSON documents that come as text.
#pragma once

#include "routedk/io/jsonl.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace routedk::io {

constexpr int kMostJsonDepth = 500;  ///< nested brackets: printing, comparing and copying a Json recurse

/// Reads one JSON document, as Json or, if objects have many keys, as nlohmann::json (sorted). FileError,
/// which begins with the `source`, when the text is not JSON (it names the place), has more than `most_depth`
/// nested brackets, or repeats a key of an object at any depth (where most parsers keep the last value).
template <typename Document = Json>
Document parse_json(std::string_view text, const std::string& source, int most_depth = kMostJsonDepth);

extern template Json parse_json(std::string_view text, const std::string& source, int most_depth);
extern template nlohmann::json parse_json(std::string_view text, const std::string& source, int most_depth);

/// Where the text that the parser refused stops being JSON: "is not from line 7, column 6 on: `]}`"
/// (of a text of one line: "is not from column 6 on").
std::string refusal_of(std::string_view text, const Json::exception& error);

}  // namespace routedk::io
