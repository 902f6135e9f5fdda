/// `pre_tokenizer` of a tokenizer.json.
#pragma once

#include <string>
#include <vector>

#include "tokenizer_json.h"

namespace routedk::text {

/// The split's expressions, in order, in PCRE2's syntax. Supported are any number of Split by a regular
/// expression and Digits, then ByteLevel without a space put before the text; FileError names the field of
/// anything else.
std::vector<std::string> read_pre_tokenizer(const JsonField& field);

}  // namespace routedk::text
