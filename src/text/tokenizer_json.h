/// The JSON files of a tokenizer.
#pragma once

#include "routedk/io/json_field.h"

#include <filesystem>

namespace routedk::text {

using Json = nlohmann::json;  // sorted: a linear search is too slow for the keys of a vocabulary
using JsonField = io::BasicJsonField<Json>;

/// The document; FileError as by read_tokenizer_file and io::parse_json, with at most 16 nested brackets.
JsonField read_tokenizer_json(const std::filesystem::path& path);

}  // namespace routedk::text
