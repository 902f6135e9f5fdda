/// Python's way to write a value, as `repr` does.
#pragma once

#include <string>
#include <string_view>

namespace routedk::bundle {

/// Dictionaries, lists, texts, numbers, True, False and None -> JSON of the same meaning: single-quoted texts
/// (with or without `u` before them) in double quotes with JSON's escapes, words in JSON's spelling. What
/// stands between them is left to JSON's own rules, so that a text is a literal if and only if the result is
/// JSON. `\xHH` is a byte, as Python 2 wrote non-ASCII text, where the whole text is UTF-8 by that, else the
/// character U+00HH, as Python 3 does. FileError when a text has no end. Source: Python language reference,
/// "String and Bytes literals"; octal and named escapes, which `repr` never writes, stay as they are.
std::string json_of_python(std::string_view literal);

}  // namespace routedk::bundle
