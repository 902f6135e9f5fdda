#include "routedk/core/config_types.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace routedk {
namespace {

bool is_plain_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '-';
}

// Words that YAML 1.1 or 1.2 readers do not take as strings.
bool is_reserved(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kReserved = {"null", "true", "false", "yes", "no",
                                                                "on",   "off",  "y",     "n"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end();
}

bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) {
    return false;
  }
  const char first = text.front();
  const bool word = std::isalpha(static_cast<unsigned char>(first)) != 0 || first == '/' || first == '_';
  return word && std::all_of(text.begin(), text.end(), is_plain_character);
}

}  // namespace

std::optional<bool> parse_bool(const ConfigNode& node) {
  if (node.kind != ConfigNode::Kind::kScalar || node.quoted ||
      (node.text != "true" && node.text != "false")) {
    return std::nullopt;
  }
  return node.text == "true";
}

std::optional<std::string> parse_text(const ConfigNode& node) {
  const bool is_text = node.kind == ConfigNode::Kind::kScalar || node.blank;
  return is_text ? std::optional(node.text) : std::nullopt;
}

std::string yaml_text(std::string_view text) {
  if (is_plain(text)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace routedk
