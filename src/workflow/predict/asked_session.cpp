#include "asked_session.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

namespace routedk::workflow {
namespace {

using io::Json;

constexpr const char* kSource = "standard input";

/// A value as an error shows it.
std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

/// The titles or items of a session, whichever way it is written.
const Json& items_of(const Json& value, const std::string& place) {
  const bool one_list = value.is_object() && value.contains("titles") != value.contains("items");
  const Json& items = one_list ? value.at(value.contains("titles") ? "titles" : "items") : value;
  if (!items.is_array()) {
    throw_<DataError>(
        "a session must be a list of titles, {{\"titles\": [...]}} or {{\"items\": [...]}}, but is {} "
        "instead "
        "({})",
        shown(value), place);
  }
  return items;
}

void check_keys(const Json& value, const std::vector<std::string>& known, const std::string& place) {
  for (const auto& [key, ignored] : value.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw_<DataError>("the keys must be among {}, but one is {} instead ({})", Json(known).dump(),
                        shown(key), place);
    }
  }
}

void add_title(AskedSession& asked, const Json& title) {
  const auto number = static_cast<bundle::ItemId>(asked.titles.size()) + 1;
  std::string clean = title.is_string() ? bundle::clean_title(title.get<std::string>()) : "";
  if (clean.empty()) {
    throw_<DataError>("a title must be a text that is not blank, but that of item {} is {} instead ({})",
                      number, shown(title), asked.place);
  }
  asked.session.items.push_back({number, std::move(clean), ""});
  asked.titles.push_back(title.get<std::string>());
}

void add_item(AskedSession& asked, const Json& item) {
  if (!item.is_object()) {
    throw_<DataError>(R"(an item must be {{"id": ..., "title": ...}}, but is {} instead ({}))", shown(item),
                      asked.place);
  }
  check_keys(item, {"id", "title"}, asked.place);
  const Json id = item.value("id", Json());
  if (!id.is_number_integer() && !id.is_string()) {
    throw_<DataError>("an item's `id` must be an integer or a text, but is {} instead ({})", shown(id),
                      asked.place);
  }
  if (std::find(asked.names.begin(), asked.names.end(), id) != asked.names.end()) {
    throw_<DataError>("each item must have an id of its own, but {} comes twice ({})", shown(id),
                      asked.place);
  }
  add_title(asked, item.value("title", Json()));
  asked.names.push_back(id);
}

void read_number(AskedSession& asked, const Json& value) {
  const auto number = value.find("session");
  if (number == value.end()) {
    return;
  }
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  if (!number->is_number_unsigned() || number->get<std::uint64_t>() > std::uint64_t{kMost}) {
    throw_<DataError>("`session` must be an integer from 0 to {}, but is {} instead ({})", kMost,
                      shown(*number), asked.place);
  }
  asked.given = asked.session.id = number->get<std::int64_t>();
}

AskedSession session_of(const Json& value, std::string place) {
  AskedSession asked;
  asked.place = std::move(place);
  const Json& items = items_of(value, asked.place);
  if (items.empty() || items.size() > bundle::kMaxProducts) {
    throw_<DataError>("a session must have 1 to {} items, but has {} instead ({})", bundle::kMaxProducts,
                      items.size(), asked.place);
  }
  if (value.is_object()) {
    check_keys(value, {"session", "titles", "items"}, asked.place);
    read_number(asked, value);
  }
  const bool with_ids = value.is_object() && value.contains("items");
  for (const Json& item : items) {
    if (with_ids) {
      add_item(asked, item);
    } else {
      add_title(asked, item);
      asked.names.emplace_back(asked.titles.size());
    }
  }
  asked.session.length = static_cast<std::int64_t>(items.size());
  return asked;
}

/// The first line that is not blank.
std::string first_line(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line) && line.find_first_not_of(" \t\r") == std::string::npos) {
  }
  return line;
}

}  // namespace

std::vector<AskedSession> read_sessions(std::istream& in) {
  const std::string text = io::read_stream(in, kSource);
  std::vector<AskedSession> sessions;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw_<DataError>("{} must hold a session as JSON, but is empty", kSource);
  }
  if (!Json::accept(first_line(text))) {
    sessions.push_back(session_of(io::parse_json(text, kSource), kSource));
    return sessions;
  }
  std::istringstream lines(text);
  io::read_jsonl(lines, kSource, [&](const Json& value, std::int64_t line) {
    sessions.push_back(session_of(value, fmt::format("{}:{}", kSource, line)));
  });
  return sessions;
}

}  // namespace routedk::workflow
