/// The regular expressions of the splits, in PCRE2's syntax.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace routedk::text {

/// Unicode's White_Space, for use within a class. PCRE's own \s also matches U+180E, which is not in it.
inline constexpr std::string_view kSpaces =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

/// GPT-2 (Radford et al. 2019, encoder.py).
std::string gpt2_pattern();
/// Llama 3 (meta-llama/llama3, tokenizer.py) as in llama.cpp: contractions in ASCII letters only.
std::string llama3_pattern();
/// Llama 3 in the syntax of tiktoken and tokenizer.json.
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// An expression of a tokenizer.json (Oniguruma's syntax) in PCRE2's. Nothing unless it has only what means
/// the same in both and matches in bounded time: literals, classes without nested classes, \s \S \d \r \n
/// \t \p{..} \P{..}, groups (?:..) (?i:..) (?=..) (?!..) repeated at most once, other repetitions of single
/// characters.
std::optional<std::string> pcre_pattern(std::string_view pattern);

}  // namespace routedk::text
