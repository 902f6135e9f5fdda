#include "asked_table.h"

#include "routedk/bundle/plain_text.h"
#include "routedk/core/byte_order_mark.h"

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

/// The index of the named column or, if none is named, of the one with a usual name. If the table `may_lack`
/// it, only a named column is required.
std::optional<std::size_t> column_of(const io::CsvRow& header, const std::string& asked,
                                     const std::string& what, const std::vector<std::string>& usual,
                                     bool may_lack = false) {
  const auto fits = [&](const std::string& name) {
    const auto is_name = [&](const std::string& one) { return letters_of(one) == letters_of(name); };
    return asked.empty() ? std::any_of(usual.begin(), usual.end(), is_name) : name == asked;
  };
  std::vector<std::string> found;
  std::size_t last = 0;
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    if (fits(header.fields[i])) {
      found.push_back(header.fields[i]);
      last = i;
    }
  }
  if (found.size() == 1) {
    return last;
  }
  if (found.empty() && asked.empty() && may_lack) {
    return std::nullopt;
  }
  throw_<FileError>("the header must have one column {}, but has {} instead ({}:{}){}",
                    asked.empty() ? fmt::format("{}", fmt::join(usual, " or "))
                                  : fmt::format("{} (--{}-column)", asked, what),
                    fmt::format("{}", fmt::join(found.empty() ? header.fields : found, ", ")), kAskedSource,
                    header.line, asked.empty() ? fmt::format("; --{}-column names it", what) : "");
}

bool is_blank(const io::CsvRow& row) {
  return std::all_of(row.fields.begin(), row.fields.end(), [](const std::string& field) {
    return field.find_first_not_of(" \t") == std::string::npos;
  });
}

/// Whether an id looks as a spreadsheet shows a long number: "4.00638E+12".
bool is_rounded(const std::string& id) {
  return id.find("E+") != std::string::npos && id.find_first_not_of("0123456789.,E+") == std::string::npos;
}

/// Groups rows by session.
class Table {
 public:
  Table(io::CsvRow header, char delimiter, const TableColumns& columns, Attempts& attempts)
      : header_(std::move(header)),
        delimiter_(delimiter),
        attempts_(attempts),
        session_(*column_of(header_, columns.session, "session", {"session", "session_id"})),
        item_(*column_of(header_, columns.item, "item", {"item", "item_id"})),
        title_(*column_of(header_, columns.title, "title", {"title", "titles"})),
        category_(column_of(header_, columns.category, "category", {"category", "categories"},
                            /*may_lack=*/true)) {
    for (const std::string& name : header_.fields) {
      if (!bundle::is_utf8(name)) {
        throw_<FileError>("the header must be UTF-8, but has {} ({}:{}): save the table as CSV UTF-8", name,
                          kAskedSource, header_.line);
      }
    }
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
    AskedTable table{std::move(header_), delimiter_, false, {}};
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
      sessions_.back()->delimiter = delimiter_;
      numbers_.emplace_back();
    }
    return at->second;
  }

  void check_fields(const io::CsvRow& row) const {
    if (row.fields.size() != header_.fields.size()) {
      throw_<DataError>("a row must have the header's {} fields, but has {} instead ({})",
                        header_.fields.size(), row.fields.size(), place(row));
    }
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
      if (!bundle::is_utf8(row.fields[i])) {
        throw_<DataError>("a field must be UTF-8, but `{}` has {} ({}): save the table as CSV UTF-8",
                          header_.fields[i], row.fields[i], place(row));
      }
    }
    for (const auto& [what, column] : {std::pair("a session's", session_), std::pair("an item's", item_)}) {
      if (row.fields[column].empty()) {
        throw_<DataError>("a row must have {} id, but has none ({})", what, place(row));
      }
    }
  }

  /// Once.
  void warn_of_rounding(const std::string& id, const io::CsvRow& row) {
    if (!warned_ && is_rounded(id)) {
      spdlog::warn("{} is a number that a spreadsheet has rounded: different ids may have become one ({})",
                   id, place(row));
      warned_ = true;
    }
  }

  /// A row that gives an item of the session another title.
  [[noreturn]] void refuse_title(const AskedSession& asked, bundle::ItemId number,
                                 const io::CsvRow& row) const {
    const auto first = std::find(asked.row_items.begin(), asked.row_items.end(), number);
    throw_<DataError>(
        "an item must have one title within a session, but {} has `{}` in line {} and `{}` here ({})",
        row.fields[item_], asked.titles[static_cast<std::size_t>(number) - 1],
        asked.rows[static_cast<std::size_t>(first - asked.row_items.begin())].line, row.fields[title_],
        place(row));
  }

  void add(const std::string& id, const io::CsvRow& row) {
    check_fields(row);
    const std::size_t at = place_of(id);
    AskedSession& asked = *sessions_[at];
    asked.place = place(row);
    const std::string& item = row.fields[item_];
    warn_of_rounding(id, row);
    warn_of_rounding(item, row);
    const auto known = numbers_[at].find(item);
    if (known == numbers_[at].end()) {
      add_item(asked, item, row.fields[title_], category_ ? row.fields[*category_] : "");
      numbers_[at][item] = static_cast<bundle::ItemId>(asked.titles.size());
    } else if (asked.titles[static_cast<std::size_t>(known->second) - 1] != row.fields[title_]) {
      refuse_title(asked, known->second, row);
    }
    asked.rows.push_back(row);
    asked.row_items.push_back(numbers_[at].at(item));
  }

  static void cut(AskedSession& asked) {
    asked.place = place(asked.rows.front());
    cut_windows(asked, asked.titles.size(), key_of_session(asked.carried["session"]));
  }

  io::CsvRow header_;
  char delimiter_;
  Attempts& attempts_;
  std::size_t session_;
  std::size_t item_;
  std::size_t title_;
  std::optional<std::size_t> category_;
  bool warned_ = false;
  std::map<std::string, std::size_t> place_of_;
  std::vector<std::optional<AskedSession>> sessions_;           // empty for one that failed
  std::vector<std::map<std::string, bundle::ItemId>> numbers_;  // per session: items' numbers by id
};

/// A line of the table with the added fields, in the order of kAdded.
std::string csv_line(std::vector<std::string> fields, const std::array<std::string, 3>& added,
                     char delimiter) {
  const auto steers_a_terminal = [](char c) {
    return (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7f';
  };
  fields.insert(fields.end(), added.begin(), added.end());
  for (std::string& field : fields) {
    std::erase_if(field, steers_a_terminal);
    field = io::csv_field(field, delimiter);
  }
  return fmt::format("{}\n", fmt::join(fields, std::string(1, delimiter)));
}

/// FileError for sessions as JSON, whose first bracket is followed by another or by a text.
void refuse_json(std::string_view text) {
  constexpr const char* kBlank = " \t\r\n";
  text = without_byte_order_mark(text);
  const std::size_t begin = text.find_first_not_of(kBlank);
  const std::size_t next =
      begin == std::string_view::npos ? begin : text.find_first_not_of(kBlank, begin + 1);
  if (next != std::string_view::npos && (text[begin] == '[' || text[begin] == '{') &&
      std::string_view("\"[]{}").find(text[next]) != std::string_view::npos) {
    throw_<FileError>("{} must be a table, but begins as JSON does: leave out --csv", kAskedSource);
  }
}

}  // namespace

AskedTable read_table(const std::string& text, const TableColumns& columns, Attempts& attempts) {
  refuse_json(text);
  const char delimiter = io::delimiter_of(text);
  std::optional<Table> table;
  const auto take = [&](const io::CsvRow& row) {
    if (!table) {
      table.emplace(row, delimiter, columns, attempts);
    } else if (!is_blank(row)) {
      table->take(row);
    }
  };
  io::read_csv_rows(text, kAskedSource, take, delimiter);
  if (!table) {
    throw_<DataError>("{} must begin with a table's header, but is empty", kAskedSource);
  }
  AskedTable read = std::move(*table).finish();
  read.marked = text.starts_with(kByteOrderMark);
  return read;
}

std::string answered_header(const AskedTable& table) {
  return std::string(table.marked ? kByteOrderMark : "") +
         csv_line(table.header.fields,
                  {std::string(kAdded[0]), std::string(kAdded[1]), std::string(kAdded[2])}, table.delimiter);
}

std::string answered_rows(const AskedSession& asked, const std::vector<bundle::Bundle>& bundles,
                          double confidence, const std::string& note) {
  std::string lines;
  for (std::size_t r = 0; r < asked.rows.size(); ++r) {
    const auto line = [&](const std::string& bundle) {
      lines +=
          csv_line(asked.rows[r].fields, {bundle, fmt::format("{:.6g}", confidence), note}, asked.delimiter);
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
