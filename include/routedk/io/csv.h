/// CSV with a header line, RFC 4180 quoting and newlines inside quotes (libcsv).
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

/// Streams the rows after the header, which is passed to `on_header` if given. Every row must have exactly as
/// many fields as the header, which must have at least `columns`. FileError names file, line, rule and value.
void read_csv(const std::filesystem::path& path, std::size_t columns,
              const std::function<void(const CsvRow&)>& on_row,
              const std::function<void(const CsvRow&)>& on_header = {});

/// Streams the rows of a text in memory, including the header, of any width. FileError names `source`, line
/// and rule at broken quoting, after which rows cannot be recognised.
void read_csv_rows(std::string_view text, const std::string& source,
                   const std::function<void(const CsvRow&)>& on_row);

/// A string as one field: quoted, with its own quotes doubled, if it contains a comma, a quote or a line
/// break (RFC 4180).
std::string csv_field(std::string_view text);

}  // namespace routedk::io
