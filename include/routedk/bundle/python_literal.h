/// Python literals, as `repr` writes them.
#pragma once

#include <string>
#include <string_view>

namespace routedk::bundle {

/// Dictionaries, lists, strings, numbers, True, False and None -> the equivalent JSON: single-quoted strings
/// (with or without a `u` prefix) become double-quoted with JSON's escapes, and keywords get JSON's spelling.
/// Everything else is left to JSON's own rules, so a text is a literal if and only if the result is JSON.
/// `\xHH` is a byte, as Python 2 wrote non-ASCII text, if that makes the whole string UTF-8, else the
/// character U+00HH, as in Python 3. FileError when a string is unterminated. Source: Python language
/// reference, "String and Bytes literals"; octal and named escapes, which `repr` never writes, are kept.
std::string json_of_python(std::string_view literal);

}  // namespace routedk::bundle
