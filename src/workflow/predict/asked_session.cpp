#include "asked_session.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/byte_order_mark.h"
#include "routedk/core/numbers.h"
#include "routedk/core/random.h"
#include "routedk/io/line_reader.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace routedk::workflow {
namespace {

using io::Json;

constexpr auto kMostNumber = std::numeric_limits<std::int64_t>::max();

/// A value, formatted for an error.
std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

/// The titles or items of a session in any of its forms.
const Json& items_of(const Json& value, const std::string& place) {
  const bool has_titles = value.is_object() && value.contains("titles");
  const bool has_items = value.is_object() && value.contains("items");
  if (has_titles && has_items) {
    throw_<DataError>("a session must have `titles` or `items`, but has both ({})", place);
  }
  const Json& items = has_titles ? value.at("titles") : has_items ? value.at("items") : value;
  if (!items.is_array()) {
    throw_<DataError>(
        "a session must be a list of titles, {{\"titles\": [...]}} or {{\"items\": [...]}}, but is {} "
        "instead "
        "({})",
        shown(value), place);
  }
  return items;
}

void add_title(AskedSession& asked, const Json& title, Json name, const std::string& category = "") {
  if (!title.is_string()) {
    throw_<DataError>("a title must be a text that is not blank, but that of item {} is {} instead ({})",
                      asked.titles.size() + 1, shown(title), asked.place);
  }
  add_item(asked, std::move(name), title.get<std::string>(), category);
}

void add_identified(AskedSession& asked, const Json& item, std::set<Json>& known) {
  if (!item.is_object()) {
    throw_<DataError>(R"(an item must be {{"id": ..., "title": ...}}, but is {} instead ({}))", shown(item),
                      asked.place);
  }
  for (const char* const key : {"id", "title"}) {
    if (!item.contains(key)) {
      throw_<DataError>("an item must have `id` and `title`, but item {} has no `{}` ({})",
                        asked.titles.size() + 1, key, asked.place);
    }
  }
  const Json& id = item.at("id");
  if (!id.is_number_integer() && !id.is_string()) {
    throw_<DataError>("an item's `id` must be an integer or a text, but is {} instead ({})", shown(id),
                      asked.place);
  }
  if (!known.insert(id).second) {
    throw_<DataError>("each item must have its own id, but {} occurs twice ({})", shown(id), asked.place);
  }
  const Json category = item.value("category", Json());
  if (!category.is_null() && !category.is_string()) {
    throw_<DataError>("an item's `category` must be a text, but is {} instead ({})", shown(category),
                      asked.place);
  }
  add_title(asked, item.at("title"), id, category.is_null() ? "" : category.get<std::string>());
}

bool has_more_keys(const Json& items) {
  return std::any_of(items.begin(), items.end(), [](const Json& item) {
    return item.is_object() && item.size() > item.count("id") + item.count("title");
  });
}

/// The members of an object besides its titles and items; items only if they have more than id and title.
Json carried_of(const Json& value) {
  Json carried = Json::object();
  for (const auto& [key, member] : value.items()) {
    if (key != "titles" && (key != "items" || has_more_keys(member))) {
      carried[key] = member;
    }
  }
  return carried;
}

void check_session_id(const Json& id, const std::string& place) {
  const bool number = id.is_number_unsigned() && id.get<std::uint64_t>() <= std::uint64_t{kMostNumber};
  if (!number && !id.is_string()) {
    throw_<DataError>("`session` must be a text or an integer from 0 to 2^63 - 1, but is {} instead ({})",
                      shown(id), place);
  }
}

AskedSession session_of(const Json& value, std::string place) {
  AskedSession asked;
  asked.place = std::move(place);
  const Json& items = items_of(value, asked.place);
  const Json id = value.is_object() ? value.value("session", Json(0U)) : Json(0U);
  check_session_id(id, asked.place);
  const bool with_ids = value.is_object() && value.contains("items");
  std::set<Json> known;
  for (const Json& item : items) {
    if (asked.titles.size() == kMostAskedItems) {
      break;  // too many: rejected below
    }
    if (with_ids) {
      add_identified(asked, item, known);
    } else {
      add_title(asked, item, asked.titles.size() + 1);
    }
  }
  cut_windows(asked, items.size(), key_of_session(id));
  if (value.is_object()) {
    asked.carried = carried_of(value);
  }
  return asked;
}

/// The session or, from a list of lists and objects, its sessions.
std::vector<AskedSession> sessions_of(const Json& value, const std::string& place, Attempts& attempts) {
  const bool several = value.is_array() && !value.empty() &&
                       std::all_of(value.begin(), value.end(),
                                   [](const Json& one) { return one.is_array() || one.is_object(); });
  if (!several) {
    return {session_of(value, place)};
  }
  std::vector<AskedSession> sessions;
  for (std::size_t i = 0; i < value.size(); ++i) {
    attempts.attempt(
        [&] { sessions.push_back(session_of(value.at(i), fmt::format("{}, session {}", place, i + 1))); });
  }
  return sessions;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The integer that an item's name is or spells.
std::optional<bundle::ItemId> given_id(const Json& name) {
  return number_in<bundle::ItemId>(name.is_string() ? name.get<std::string>() : name.dump());
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Whether the text is one document instead of one per line: its first line is not JSON, and either the whole
/// text is JSON or no line is a list or an object.
bool is_document(const std::string& text, const std::vector<std::string>& lines) {
  const auto first = std::find_if_not(lines.begin(), lines.end(), blank);
  if (Json::accept(*first)) {
    return false;
  }
  const auto session = [](const std::string& line) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    return begin != std::string::npos && (line[begin] == '[' || line[begin] == '{') && Json::accept(line);
  };
  return Json::accept(text) || std::none_of(lines.begin(), lines.end(), session);
}

/// FileError for a text that is neither a list nor an object, such as a table.
void require_brackets(std::string_view text) {
  text.remove_prefix(text.find_first_not_of(" \t\r\n"));
  if (text.front() != '[' && text.front() != '{') {
    constexpr std::size_t kShown = 80;
    throw_<FileError>("{} must be JSON, but begins with `{}` instead; --csv reads a table", kAskedSource,
                      displayed(text.substr(0, text.find_first_of("\r\n")), kShown));
  }
}

}  // namespace

void add_item(AskedSession& asked, Json name, const std::string& title, const std::string& category) {
  if (bundle::clean_title(title).empty()) {
    throw_<DataError>("a title must be a text that is not blank, but that of item {} is {} instead ({})",
                      asked.titles.size() + 1, shown(title), asked.place);
  }
  asked.names.push_back(std::move(name));
  asked.titles.push_back(title);
  asked.categories.push_back(category);
}

void cut_windows(AskedSession& asked, std::size_t items, bundle::SessionId id) {
  if (items == 0 || items > kMostAskedItems) {
    throw_<DataError>("a session must have 1 to {} items, but has {} instead ({})", kMostAskedItems, items,
                      asked.place);
  }
  constexpr auto kMost = static_cast<std::size_t>(bundle::kMaxProducts);
  const std::size_t windows = (items + kMost - 1) / kMost;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < windows; ++i) {
    const std::size_t end = items * (i + 1) / windows;
    bundle::Session& window = asked.windows.emplace_back();
    window.id = id;
    window.length = static_cast<std::int64_t>(end - begin);
    for (; begin < end; ++begin) {
      window.items.push_back({static_cast<bundle::ItemId>(begin) + 1,
                              bundle::clean_title(asked.titles[begin]), asked.categories[begin],
                              given_id(asked.names[begin])});
    }
  }
}

bundle::SessionId key_of_session(const Json& id) {
  if (id.is_number()) {
    return id.get<bundle::SessionId>();
  }
  const auto& text = id.get_ref<const std::string&>();
  const auto number = number_in<bundle::SessionId>(text);
  return number.value_or(static_cast<bundle::SessionId>(hash64(text) >> 1U));
}

std::vector<AskedSession> read_sessions(const std::string& text, Attempts& attempts) {
  io::require_text(text, kAskedSource);
  const std::string own(without_byte_order_mark(text));
  if (blank(own)) {
    throw_<DataError>("{} must hold a session as JSON, but is empty", kAskedSource);
  }
  const std::vector<std::string> lines = lines_of(own);
  if (is_document(own, lines)) {
    require_brackets(own);
    return sessions_of(io::parse_json(own, kAskedSource), kAskedSource, attempts);
  }
  std::vector<AskedSession> sessions;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!blank(lines[i])) {
      attempts.attempt([&] {
        const std::string place = fmt::format("{}:{}", kAskedSource, i + 1);
        std::vector<AskedSession> of_line = sessions_of(io::parse_json(lines[i], place), place, attempts);
        std::move(of_line.begin(), of_line.end(), std::back_inserter(sessions));
      });
    }
  }
  return sessions;
}

}  // namespace routedk::workflow
