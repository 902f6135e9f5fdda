/// Reads text files of any size, plain or gzip, line by line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::io {

/// FileError where a text begins as UTF-16 does, which Windows calls Unicode, or is a ZIP archive, as an
/// Excel workbook is.
void require_text(std::string_view text, const std::string& source);

/// One line without its newline; the view is valid until the next line is read.
struct Line {
  std::string_view text;    ///< empty if the line is not whole
  std::int64_t number = 0;  ///< from 1
  bool whole = true;        ///< false for a line longer than the reader's limit, which was skipped
};

/// Keeps one line and one block of the file in memory. A file that does not begin as gzip (RFC 1952) is plain
/// text.
class LineReader {
 public:
  /// FileError when the path is missing, not a regular file or unreadable.
  LineReader(const std::filesystem::path& path, std::size_t longest);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// The next line, nothing at the end. FileError, which names the line, if gzip data are corrupt or
  /// truncated.
  std::optional<Line> next();

 private:
  struct Stream;
  bool fill();

  std::filesystem::path path_;
  std::size_t longest_;
  std::unique_ptr<Stream> stream_;
  std::vector<char> block_;
  std::string_view rest_;  // unread rest of the block
  std::string line_;
  std::int64_t number_ = 0;
};

}  // namespace routedk::io
