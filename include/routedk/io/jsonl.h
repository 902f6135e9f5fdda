/// JSON documents and JSON lines, nested at most 500 deep, without repeated keys (io/parse_json.h). In
/// strings that are not UTF-8, bad bytes are written as U+FFFD.
#pragma once

#include "routedk/core/files.h"
#include "routedk/core/input_file.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <string>

#include <nlohmann/json.hpp>

namespace routedk::io {

using Json = nlohmann::ordered_json;

/// Calls `on_line(value, line number from 1)` for every non-blank line; skips a UTF-8 byte order mark.
/// FileError names source:line when a line is not JSON or has more than kMostLineBytes (core/input_file.h).
/// `source` names the stream in errors. A file may be gzip and has at most kMostLinesBytes.
void read_jsonl(std::istream& in, const std::string& source,
                const std::function<void(const Json&, std::int64_t)>& on_line);
void read_jsonl(const std::filesystem::path& path,
                const std::function<void(const Json&, std::int64_t)>& on_line);

/// The whole stream; FileError if it is larger than `most` bytes. `source` names the stream.
std::string read_stream(std::istream& in, const std::string& source, std::uint64_t most = kMostJsonBytes);

/// Reads one JSON document; FileError names the file and the place.
Json read_json(const std::filesystem::path& path);
/// Writes one JSON document, indented by two spaces, under a temporary name, then flushes and renames it.
void write_json(const std::filesystem::path& path, const Json& value, Readers readers = Readers::kUmask);

/// Appends lines to a file: each record is one write; `sync()` and the destructor flush to disk. Opening
/// truncates a last line without a newline (from a crash).
class JsonlWriter {
 public:
  explicit JsonlWriter(const std::filesystem::path& path, Readers readers = Readers::kUmask);
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;
  ~JsonlWriter();
  void append(const Json& record);
  void sync();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace routedk::io
