#include "routedk/bundle/plain_text.h"
#include "routedk/distill/chat_completion.h"
#include "routedk/io/parse_json.h"

#include <array>
#include <vector>

#include <fmt/ranges.h>

namespace routedk::distill {
namespace {

constexpr int kDeepest = 8;
constexpr std::size_t kMostParts = 5;
constexpr std::size_t kMostWordBytes = 2000;  // bytes

std::string words_in(const io::Json& json, int depth);

/// ["body", "seed"] -> "body.seed"
std::string place_in(const io::Json& json) {
  std::vector<std::string> parts;
  for (const io::Json& part : json.is_array() ? json : io::Json::array({json})) {
    parts.push_back(part.is_string() ? part.get<std::string>() : part.dump());
  }
  return fmt::format("{}", fmt::join(parts, "."));
}

std::string words_of_list(const io::Json& list, int depth) {
  std::vector<std::string> all;
  for (const io::Json& item : list) {
    if (std::string words = words_in(item, depth + 1); !words.empty() && all.size() < kMostParts) {
      all.push_back(std::move(words));
    }
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

/// The first member with a message, preceded by the location that it is about.
std::string words_of_object(const io::Json& object, int depth) {
  static constexpr std::array kMembers = {
      "error",        "message",           "detail",        "details",   "errors", "msg",         "Message",
      "errorMessage", "error_description", "error_message", "error_msg", "reason", "description", "title",
      "raw",          "error_code",        "code",          "type"};
  std::string words;
  for (const char* member : kMembers) {
    const auto found = object.find(member);
    if (words.empty() && found != object.end()) {
      words = words_in(*found, depth + 1);
    }
  }
  for (const char* member : {"loc", "param"}) {
    const auto found = object.find(member);
    const std::string place = found == object.end() || found->is_null() ? "" : place_in(*found);
    if (!place.empty() && words.find(place) == std::string::npos) {
      words = fmt::format("{}: {}", place, words);
    }
  }
  const auto metadata = object.find("metadata");  // holds the provider's own message
  if (metadata != object.end() && metadata->is_object() && metadata->contains("raw")) {
    words += ": " + words_in((*metadata)["raw"], depth + 1);
  }
  return words;
}

std::string words_in(const io::Json& json, int depth) {
  if (depth > kDeepest) {
    return {};
  }
  if (json.is_string()) {
    return json.get<std::string>();
  }
  if (json.is_array()) {
    return words_of_list(json, depth);
  }
  return json.is_object() ? words_of_object(json, depth) : "";
}

std::string without_tags(const std::string& page) {
  std::string text;
  bool inside = false;
  for (const char c : page.substr(0, 20 * kMostWordBytes)) {
    inside = inside || c == '<';
    text += inside ? ' ' : c;
    inside = inside && c != '>';
  }
  return text;
}

}  // namespace

std::string endpoint_words(const std::string& body) {
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  const char first = begin == std::string::npos ? '\0' : body[begin];
  std::string words;
  if (first == '{' || first == '[' || first == '"') {
    try {
      words = words_in(io::parse_json(body, "the response"), 0);
    } catch (const FileError&) {  // malformed: there is no message
    }
  } else {
    words = first == '<' ? without_tags(body) : body;
  }
  return bundle::fold_space(words.substr(0, kMostWordBytes));
}

}  // namespace routedk::distill
