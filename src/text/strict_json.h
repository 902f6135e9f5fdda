/// JSON of a tokenizer's files.
#pragma once

#include "routedk/io/json_field.h"

#include <string>
#include <string_view>

namespace routedk::text {

using Json = nlohmann::json;  // sorted: a vocabulary has more keys than a search from the front can take
using JsonField = io::BasicJsonField<Json>;

/// Parses a document whose objects have no key twice and that is at most 16 deep; FileError names the file
/// and the place.
JsonField parse_strictly(std::string_view text, const std::string& source);

}  // namespace routedk::text
