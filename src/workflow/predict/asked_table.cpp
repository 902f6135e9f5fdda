#include "asked_table.h"

#include "routedk/bundle/plain_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

constexpr std::array<std::string_view, 3> kAdded = {"bundle", "confidence", "note"};

/// "Session_ID" -> "sessionid"
std::string letters_of(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return letters;
}

/// The index of the named column or, if none is named, of the first with a usual name. If the table
/// `may_lack` it, only a named column is required.
std::optional<std::size_t> column_of(const io::CsvRow& header, const std::string& asked,
                                     const std::string& what, const std::vector<std::string>& usual,
                                     bool may_lack = false) {
  const auto fits = [&](const std::string& name) {
    return asked.empty() ? std::find(usual.begin(), usual.end(), letters_of(name)) != usual.end()
                         : name == asked;
  };
  const auto at = std::find_if(header.fields.begin(), header.fields.end(), fits);
  if (at == header.fields.end() && asked.empty() && may_lack) {
    return std::nullopt;
  }
  if (at == header.fields.end()) {
    throw_<FileError>(
        "the header must have a column {}, but has {} instead ({}:{}); --{}-column names another",
        asked.empty() ? fmt::format("{}", fmt::join(usual, " or ")) : asked,
        fmt::format("{}", fmt::join(header.fields, ", ")), kAskedSource, header.line, what);
  }
  return static_cast<std::size_t>(at - header.fields.begin());
}

/// Groups rows by session.
class Table {
 public:
  Table(io::CsvRow header, const TableColumns& columns, Attempts& attempts)
      : header_(std::move(header)),
        attempts_(attempts),
        session_(*column_of(header_, columns.session, "session", {"session", "sessionid"})),
        item_(*column_of(header_, columns.item, "item", {"item", "itemid"})),
        title_(*column_of(header_, columns.title, "title", {"title", "titles"})),
        category_(column_of(header_, columns.category, "category", {"category", "categories"},
                            /*may_lack=*/true)) {
    for (const std::string_view added : kAdded) {
      if (std::find(header_.fields.begin(), header_.fields.end(), added) != header_.fields.end()) {
        throw_<FileError>("the header must not have the columns {}, which answers add, but has {} ({}:{})",
                          fmt::format("{}", fmt::join(kAdded, ", ")), added, kAskedSource, header_.line);
      }
    }
  }

  void take(const io::CsvRow& row) {
    const std::string id = session_ < row.fields.size() ? row.fields[session_] : "";
    const auto known = place_of_.find(id);
    const bool failed = known != place_of_.end() && !sessions_[known->second];
    if (failed) {
      return;
    }
    if (!attempts_.attempt([&] { add(id, row); }) && !id.empty()) {
      sessions_[place_of(id)].reset();
    }
  }

  AskedTable finish() && {
    AskedTable table{std::move(header_), {}};
    for (auto& session : sessions_) {
      if (session && attempts_.attempt([&] { cut(*session); })) {
        table.sessions.push_back(std::move(*session));
      }
    }
    return table;
  }

 private:
  static std::string place(const io::CsvRow& row) { return fmt::format("{}:{}", kAskedSource, row.line); }

  /// Adds an empty session for a new id.
  std::size_t place_of(const std::string& id) {
    const auto [at, is_new] = place_of_.emplace(id, sessions_.size());
    if (is_new) {
      sessions_.emplace_back(AskedSession());
      sessions_.back()->carried["session"] = id;
      numbers_.emplace_back();
    }
    return at->second;
  }

  void add(const std::string& id, const io::CsvRow& row) {
    if (row.fields.size() != header_.fields.size()) {
      throw_<DataError>("a row must have the header's {} fields, but has {} instead ({})",
                        header_.fields.size(), row.fields.size(), place(row));
    }
    if (id.empty() || !bundle::is_utf8(id)) {
      throw_<DataError>("a row must have a session's id in UTF-8, but has `{}` instead ({})", id, place(row));
    }
    const std::size_t at = place_of(id);
    AskedSession& asked = *sessions_[at];
    asked.place = place(row);
    const std::string& item = row.fields[item_];
    if (item.empty() || !bundle::is_utf8(item)) {
      throw_<DataError>("a row must have an item's id in UTF-8, but has `{}` instead ({})", item, place(row));
    }
    const auto known = numbers_[at].find(item);
    if (known == numbers_[at].end()) {
      add_item(asked, item, row.fields[title_], category_ ? row.fields[*category_] : "");
      numbers_[at][item] = static_cast<bundle::ItemId>(asked.titles.size());
    } else if (asked.titles[static_cast<std::size_t>(known->second) - 1] != row.fields[title_]) {
      throw_<DataError>("an item must have one title within a session, but {} has another than before ({})",
                        item, place(row));
    }
    asked.rows.push_back(row);
    asked.row_items.push_back(numbers_[at].at(item));
  }

  static void cut(AskedSession& asked) {
    asked.place = place(asked.rows.front());
    cut_windows(asked, asked.titles.size(), key_of_session(asked.carried["session"]));
  }

  io::CsvRow header_;
  Attempts& attempts_;
  std::size_t session_;
  std::size_t item_;
  std::size_t title_;
  std::optional<std::size_t> category_;
  std::map<std::string, std::size_t> place_of_;
  std::vector<std::optional<AskedSession>> sessions_;           // empty for one that failed
  std::vector<std::map<std::string, bundle::ItemId>> numbers_;  // per session: items' numbers by id
};

/// A line of the table with the added fields, in the order of kAdded.
std::string csv_line(std::vector<std::string> fields, const std::array<std::string, 3>& added) {
  fields.insert(fields.end(), added.begin(), added.end());
  std::transform(fields.begin(), fields.end(), fields.begin(), io::csv_field);
  return fmt::format("{}\n", fmt::join(fields, ","));
}

}  // namespace

AskedTable read_table(const std::string& text, const TableColumns& columns, Attempts& attempts) {
  std::optional<Table> table;
  io::read_csv_rows(text, kAskedSource, [&](const io::CsvRow& row) {
    if (table) {
      table->take(row);
    } else {
      table.emplace(row, columns, attempts);
    }
  });
  if (!table) {
    throw_<DataError>("{} must begin with a table's header, but is empty", kAskedSource);
  }
  return std::move(*table).finish();
}

std::string answered_header(const io::CsvRow& header) {
  return csv_line(header.fields, {std::string(kAdded[0]), std::string(kAdded[1]), std::string(kAdded[2])});
}

std::string answered_rows(const AskedSession& asked, const std::vector<bundle::Bundle>& bundles,
                          double confidence, const std::string& note) {
  std::string lines;
  for (std::size_t r = 0; r < asked.rows.size(); ++r) {
    const auto line = [&](const std::string& bundle) {
      lines += csv_line(asked.rows[r].fields, {bundle, fmt::format("{:.6g}", confidence), note});
    };
    bool found = false;
    for (std::size_t b = 0; b < bundles.size(); ++b) {
      if (std::find(bundles[b].begin(), bundles[b].end(), asked.row_items[r]) != bundles[b].end()) {
        line(fmt::format("{}", b + 1));
        found = true;
      }
    }
    if (!found) {
      line("");
    }
  }
  return lines;
}

}  // namespace routedk::workflow
