/// CSV with a header line, RFC 4180 quoting, newlines inside quotes (libcsv), and a comma or another
/// delimiter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::io {

struct CsvRow {
  std::vector<std::string> fields;
  std::int64_t line = 0;  ///< line of the file where the row starts, from 1
};

/// The delimiter of a table: that of Excel's first line `sep=;`, otherwise the most frequent of , ; tab and |
/// outside quotes in the header, a comma if there is none.
char delimiter_of(std::string_view text);

/// Streams the rows after the header, which `on_header` hears where it is given. Every row must have exactly
/// the header's number of fields, at least `columns`, and commas between them. FileError names file, line,
/// rule and value.
void read_csv(const std::filesystem::path& path, std::size_t columns,
              const std::function<void(const CsvRow&)>& on_row,
              const std::function<void(const CsvRow&)>& on_header = {});

/// Streams the rows of a text in memory, the header among them but no line `sep=;` before it, each as wide as
/// it is. FileError names `source`, line and rule where quoting breaks, after which rows cannot be told
/// apart.
void read_csv_rows(std::string_view text, const std::string& source,
                   const std::function<void(const CsvRow&)>& on_row, char delimiter = ',');

/// A text as one field: in quotes, its own doubled, where it holds the delimiter, a quote or a line's end
/// (RFC 4180).
std::string csv_field(std::string_view text, char delimiter = ',');

}  // namespace routedk::io
