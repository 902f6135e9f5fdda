#include "routedk/bundle/plain_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace routedk::bundle {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::size_t kLongestEntity = 16;  // between & and ;

// U+00A0 .. U+00FF by name, in order.
constexpr std::array<std::string_view, 96> kLatin1 = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",
    "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",
    "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12",
    "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil",
    "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde",
    "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",
    "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",
    "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",
    "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

// What browsers read for 0x80 .. 0x9F (HTML standard, numeric character reference end state).
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

const std::unordered_map<std::string_view, char32_t>& named_entities() {
  static const auto table = [] {
    std::unordered_map<std::string_view, char32_t> names = {
        {"amp", U'&'},      {"lt", U'<'},       {"gt", U'>'},       {"quot", U'"'},     {"apos", U'\''},
        {"trade", 0x2122},  {"hellip", 0x2026}, {"ndash", 0x2013},  {"mdash", 0x2014},  {"lsquo", 0x2018},
        {"rsquo", 0x2019},  {"sbquo", 0x201A},  {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"bdquo", 0x201E},
        {"bull", 0x2022},   {"euro", 0x20AC},   {"dagger", 0x2020}, {"Dagger", 0x2021}, {"permil", 0x2030},
        {"prime", 0x2032},  {"Prime", 0x2033},  {"minus", 0x2212},  {"infin", 0x221E},  {"ne", 0x2260},
        {"le", 0x2264},     {"ge", 0x2265},     {"asymp", 0x2248},  {"larr", 0x2190},   {"rarr", 0x2192},
        {"hearts", 0x2665}, {"OElig", 0x152},   {"oelig", 0x153},   {"Scaron", 0x160},  {"scaron", 0x161},
        {"ensp", 0x2002},   {"emsp", 0x2003},   {"thinsp", 0x2009}, {"deg", 0xB0}};
    for (std::size_t i = 0; i < kLatin1.size(); ++i) {
      names.emplace(kLatin1[i], static_cast<char32_t>(0xA0 + i));
    }
    return names;
  }();
  return table;
}

std::optional<char32_t> numeric_entity(std::string_view body) {
  const bool hex = body.size() > 1 && (body[1] == 'x' || body[1] == 'X');
  const std::string_view digits = body.substr(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (digits.empty() || error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  if (error != std::errc() || code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    return kReplacement;
  }
  return code >= 0x80 && code <= 0x9F ? kWindows1252[code - 0x80] : static_cast<char32_t>(code);
}

std::optional<char32_t> entity(std::string_view body) {
  if (!body.empty() && body.front() == '#') {
    return numeric_entity(body);
  }
  const auto found = named_entities().find(body);
  return found == named_entities().end() ? std::nullopt : std::optional(found->second);
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [c](unsigned shift) { return static_cast<char>(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0U | (c >> 6)), tail(0)};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0U | (c >> 12)), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0U | (c >> 18)), tail(12), tail(6), tail(0)};
  }
}

/// Bytes of the white space at the front of `text`, 0 when there is none.
std::size_t space_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first <= 0x20 || first == 0x7F) {
    return 1;
  }
  return text.starts_with("\xC2\xA0") ? 2 : 0;
}

/// Bytes of the well-formed character at the front of `text`, 0 when it is malformed.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length < 2 || length > text.size()) {
    return length == 1 ? 1 : 0;
  }
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  return length;
}

}  // namespace

std::string decode_entities(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end =
        text[i] == '&' ? text.substr(0, i + kLongestEntity + 2).find(';', i) : std::string_view::npos;
    const auto character =
        end == std::string_view::npos ? std::nullopt : entity(text.substr(i + 1, end - i - 1));
    if (character) {
      append_utf8(out, *character);
      i = end + 1;
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::string fold_space(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool pending = false;
  while (!text.empty()) {
    if (const std::size_t space = space_length(text); space != 0) {
      pending = true;
      text.remove_prefix(space);
      continue;
    }
    if (pending && !out.empty()) {
      out += ' ';
    }
    pending = false;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace routedk::bundle
