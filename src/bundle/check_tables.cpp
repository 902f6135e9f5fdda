#include "check_tables.h"

#include "routedk/bundle/domain_tables.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/io/csv.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <regex>
#include <set>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;

/// One file being checked.
struct File {
  const fs::path& path;
  Findings& findings;

  void error(const char* rule, std::int64_t line, std::string message) const {
    findings.add({Severity::kError, rule, path, line, std::move(message)});
  }
  void warning(const char* rule, std::int64_t line, std::string message) const {
    findings.add({Severity::kWarning, rule, path, line, std::move(message)});
  }

  /// The field as an id; nothing, plus a finding, if it is not one.
  std::optional<std::int64_t> id(const std::string& field, std::int64_t line) const {
    try {
      return parse_id(field, path, line);
    } catch (const DataError&) {
      error("id", line, fmt::format("An id must be a 64-bit integer, but is `{}`", field.substr(0, 40)));
      return std::nullopt;
    }
  }

  /// Whether the file could be read to its end.
  bool read(const std::string& header, const std::function<void(const io::CsvRow&)>& on_row) const {
    const auto columns = static_cast<std::size_t>(std::ranges::count(header, ',')) + 1;
    const auto on_header = [&](const io::CsvRow& row) {
      if (const std::string found = fmt::format("{}", fmt::join(row.fields, ",")); found != header) {
        error("header", 1, fmt::format("The header must be `{}`, but is `{}`", header, found.substr(0, 100)));
      }
    };
    try {
      io::read_csv(path, columns, on_row, on_header);
      return true;
    } catch (const FileError& problem) {
      error("csv", 0, problem.what());
      return false;
    }
  }
};

void check_text(const File& file, const std::string& text, std::int64_t line) {
  static const std::regex kEntity("&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,15});");
  if (!is_utf8(text)) {
    file.error("utf8", line, "A text must be UTF-8, but is not");
    return;
  }
  const std::string decoded = decode_entities(text);
  std::smatch found;
  if (std::regex_search(decoded, found, kEntity)) {
    file.warning("entity", line,
                 fmt::format("An entity must be known and encoded once, but `{}` is left after decoding",
                             found.str()));
  }
}

}  // namespace

bool TextRows::says_something(std::int64_t id) const {
  const auto row = rows.find(id);
  return row != rows.end() && !fold_space(decode_entities(row->second.text)).empty();
}

IdRows check_ids(const fs::path& path, const std::string& header, Findings& findings) {
  const File file{path, findings};
  IdRows table{path, true, {}};
  table.whole = file.read(header, [&](const io::CsvRow& row) {
    IdRow made{{}, row.line};
    for (const std::string& field : row.fields) {
      if (const auto id = file.id(field, row.line)) {
        made.ids.push_back(*id);
      }
    }
    if (made.ids.size() == row.fields.size()) {
      table.rows.push_back(std::move(made));
    }
  });
  return table;
}

IdRows check_distinct_ids(const fs::path& path, const std::string& header, Findings& findings) {
  IdRows table = check_ids(path, header, findings);
  std::set<std::vector<std::int64_t>> seen;
  std::erase_if(table.rows, [&](const IdRow& row) {
    const bool repeated = !seen.insert(row.ids).second;
    if (repeated) {
      File{path, findings}.error(
          "repeated_row", row.line,
          fmt::format("A row must occur once, but {} occurs again", fmt::join(row.ids, ",")));
    }
    return repeated;
  });
  return table;
}

TextRows check_texts(const fs::path& path, const std::string& header, Findings& findings) {
  const File file{path, findings};
  TextRows table{path, true, {}};
  table.whole = file.read(header, [&](const io::CsvRow& row) {
    check_text(file, row.fields[1], row.line);
    const auto id = file.id(row.fields[0], row.line);
    if (id && !table.rows.emplace(*id, TextRow{row.fields[1], row.line}).second) {
      file.error("repeated_row", row.line, fmt::format("An id must occur once, but {} occurs again", *id));
    }
  });
  return table;
}

}  // namespace routedk::bundle
