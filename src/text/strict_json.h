/// Strict JSON for a tokenizer's files.
#pragma once

#include "routedk/io/json_field.h"

#include <string>
#include <string_view>

namespace routedk::text {

using Json = nlohmann::json;  // sorted: a linear search is too slow for the keys of a vocabulary
using JsonField = io::BasicJsonField<Json>;

/// Parses a document without repeated keys that is at most 16 levels deep; FileError names the file and the
/// place.
JsonField parse_strictly(std::string_view text, const std::string& source);

}  // namespace routedk::text
