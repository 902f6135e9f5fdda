#include "routedk/io/unique_keys.h"

#include "routedk/core/error.h"
#include "routedk/io/parse_json.h"

namespace routedk::io {

using nlohmann::json;

namespace {

constexpr int kMostDepth = 16;

}  // namespace

std::optional<std::string> KeyWatch::repeated(json::parse_event_t event, const json& value) {
  if (event == json::parse_event_t::object_start) {
    open_.emplace_back();
  } else if (event == json::parse_event_t::object_end) {
    open_.pop_back();
  } else if (event == json::parse_event_t::key) {
    const auto& key = value.get_ref<const std::string&>();
    return open_.back().insert(key).second ? std::nullopt : std::optional(key);
  }
  return std::nullopt;
}

json parse_unique_keys(std::string_view text, const std::string& file, const char* part) {
  KeyWatch watch;
  const auto check = [&](int depth, json::parse_event_t event, const json& value) {
    if (depth > kMostDepth) {  // printing a value recurses
      throw_<FileError>("{}: the {} must nest at most {} brackets, but nests more.", file, part, kMostDepth);
    }
    if (const auto key = watch.repeated(event, value)) {
      throw_<FileError>("{}: `{}` must be in the {} once, but occurs twice.", file, *key, part);
    }
    return true;
  };
  try {
    json parsed = json::parse(text, check);
    if (parsed.is_object()) {
      return parsed;
    }
  } catch (const json::exception& error) {
    throw_<FileError>("{}: the {} must be JSON, but {}.", file, part, refusal_of(text, error));
  }
  throw_<FileError>("{}: the {} must be a JSON object, but is something else.", file, part);
}

}  // namespace routedk::io
