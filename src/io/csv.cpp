#include "routedk/io/csv.h"

#include "routedk/core/byte_order_mark.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/line_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <csv.h>

namespace routedk::io {
namespace {

constexpr std::string_view kDelimiters = ",;\t|";

/// With its newline.
std::string_view first_line(std::string_view text) {
  const std::size_t newline = text.find('\n');
  return newline == std::string_view::npos ? text : text.substr(0, newline + 1);
}

/// That of a line "sep=;", by which Excel opens a table.
std::optional<char> declared_delimiter(std::string_view line) {
  constexpr std::string_view kDeclares = "sep=";
  line = line.substr(0, line.find_last_not_of("\r\n") + 1);
  const bool declares = line.size() == kDeclares.size() + 1 && line.starts_with(kDeclares) &&
                        kDelimiters.find(line.back()) != std::string_view::npos;
  return declares ? std::optional(line.back()) : std::nullopt;
}

int never_space(unsigned char /*c*/) {
  return 0;
}

// Wraps libcsv and collects the rows that one call completes. Its callbacks are called from C code, which no
// exception may cross, so they only collect.
class Parser {
 public:
  Parser(std::string file, char delimiter) : file_(std::move(file)) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    // White space around a field is part of it (RFC 4180).
    csv_set_space_func(&parser_, never_space);
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter));
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { csv_free(&parser_); }

  // Feeds one line of the file, including its newline; returns the rows that it completed.
  std::vector<CsvRow> feed(std::string_view text, std::int64_t line) {
    if (!row_open_) {
      row_line_ = line;
    }
    line_ = line;
    const bool blank = text.find_first_not_of("\r\n") == std::string_view::npos;
    if (csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this) != text.size()) {
      fail();
    }
    row_open_ = rows_.empty() && (row_open_ || !blank);
    return std::exchange(rows_, {});
  }

  std::vector<CsvRow> finish() {
    if (csv_fini(&parser_, on_field, on_row, this) != 0) {
      fail();
    }
    return std::exchange(rows_, {});
  }

 private:
  [[noreturn]] void fail() {
    const int error = csv_error(&parser_);
    throw_<FileError>(
        "A row must follow the quoting of RFC 4180, but: {} ({}:{}, in the row from line {}).",
        error == CSV_EPARSE ? "a quote is not closed or stands inside a field" : csv_strerror(error), file_,
        line_, row_line_);
  }
  static void on_field(void* bytes, std::size_t size, void* self) {
    static_cast<Parser*>(self)->fields_.emplace_back(static_cast<const char*>(bytes), size);
  }
  static void on_row(int /*terminator*/, void* self) {
    auto* parser = static_cast<Parser*>(self);
    parser->rows_.push_back({std::exchange(parser->fields_, {}), parser->row_line_});
  }

  std::string file_;
  csv_parser parser_{};
  std::vector<std::string> fields_;
  std::vector<CsvRow> rows_;
  std::int64_t line_ = 0;
  std::int64_t row_line_ = 0;
  bool row_open_ = false;
};

// Checks widths and passes on all rows except the header.
class RowSink {
 public:
  using Callback = std::function<void(const CsvRow&)>;

  RowSink(std::string file, std::size_t columns, const Callback& on_row, const Callback& on_header)
      : file_(std::move(file)), columns_(columns), on_row_(on_row), on_header_(on_header) {}

  void take(const CsvRow& row) {
    const std::size_t fields = row.fields.size();
    if (width_ == 0 && fields < columns_) {
      throw_<FileError>("The header must have at least {} columns, but has {} instead ({}:{}).", columns_,
                        fields, file_, row.line);
    }
    if (width_ != 0 && fields != width_) {
      throw_<FileError>("A row must have the header's {} fields, but has {} instead ({}:{}).", width_, fields,
                        file_, row.line);
    }
    if (width_ != 0) {
      on_row_(row);
    } else if (on_header_) {
      on_header_(row);
    }
    width_ = fields;
  }
  void finish() const {
    if (width_ == 0) {
      throw_<FileError>("{} must begin with a header line, but is empty.", file_);
    }
  }

 private:
  std::string file_;
  std::size_t columns_;
  const Callback& on_row_;
  const Callback& on_header_;
  std::size_t width_ = 0;
};

}  // namespace

char delimiter_of(std::string_view text) {
  text = without_byte_order_mark(text);
  if (const auto declared = declared_delimiter(first_line(text))) {
    return *declared;
  }
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  std::array<std::int64_t, kDelimiters.size()> counts{};
  bool quoted = false;
  for (const char c : text) {
    quoted = quoted != (c == '"');
    if (!quoted && (c == '\n' || c == '\r')) {
      break;
    }
    if (const std::size_t kind = kDelimiters.find(c); !quoted && kind != std::string_view::npos) {
      ++counts.at(kind);
    }
  }
  return kDelimiters.at(static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin()));
}

void read_csv_rows(std::string_view text, const std::string& source,
                   const std::function<void(const CsvRow&)>& on_row, char delimiter) {
  require_text(text, source);
  text = without_byte_order_mark(text);
  const auto pass_on = [&](const std::vector<CsvRow>& rows) {
    std::for_each(rows.begin(), rows.end(), on_row);
  };
  Parser parser(source, delimiter);
  for (std::int64_t line = 1; !text.empty(); ++line) {
    const std::string_view own = first_line(text);
    if (line > 1 || !declared_delimiter(own)) {
      pass_on(parser.feed(own, line));
    }
    text.remove_prefix(own.size());
  }
  pass_on(parser.finish());
}

void read_csv(const std::filesystem::path& path, std::size_t columns,
              const std::function<void(const CsvRow&)>& on_row,
              const std::function<void(const CsvRow&)>& on_header) {
  const std::string content = read_file(path, kMostTableBytes);
  require_text(content, path.string());
  if (const char delimiter = delimiter_of(content); delimiter != ',') {
    throw_<FileError>("Fields must be separated by commas, but this file seems to use {} ({}).",
                      std::string(1, delimiter), path.string());
  }
  RowSink sink(path.string(), columns, on_row, on_header);
  read_csv_rows(content, path.string(), [&](const CsvRow& row) { sink.take(row); });
  sink.finish();
}

std::string csv_field(std::string_view text, char delimiter) {
  if (text.find_first_of("\"\r\n") == std::string_view::npos &&
      text.find(delimiter) == std::string_view::npos) {
    return std::string(text);
  }
  std::string field = "\"";
  for (const char c : text) {
    field.append(c == '"' ? 2 : 1, c);
  }
  return field + '"';
}

}  // namespace routedk::io
