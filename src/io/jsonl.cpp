#include "routedk/io/jsonl.h"

#include "routedk/core/byte_order_mark.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/line_reader.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk::io {
namespace {

// Text from a model may end within a character: such bytes become U+FFFD instead of causing an error.
std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw_<SystemError>("{} must be written, but the system says: {}.", path.string(),
                      std::system_category().message(errno));
}

// Bytes up to and including the last newline.
off_t whole_lines(int fd, off_t size) {
  std::array<char, 4096> block{};
  for (off_t end = size; end > 0;) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(block.size()));
    const ssize_t count = ::pread(fd, block.data(), static_cast<std::size_t>(end - begin), begin);
    if (count != end - begin) {
      return -1;
    }
    for (ssize_t i = count; i > 0; --i) {
      if (block[static_cast<std::size_t>(i - 1)] == '\n') {
        return begin + i;
      }
    }
    end = begin;
  }
  return 0;
}

off_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_size : -1;
}

// Truncates a last line without a newline.
bool cut_torn_line(int fd) {
  const off_t size = size_of(fd);
  const off_t whole = size < 0 ? -1 : whole_lines(fd, size);
  return whole >= 0 && (whole == size || ::ftruncate(fd, whole) == 0);
}

/// Reads one line of JSON lines, unless it is blank.
void read_line(std::string_view line, const std::string& source, std::int64_t number,
               const std::function<void(const Json&, std::int64_t)>& on_line) {
  if (number == 1) {
    require_text(line, source);
    line = without_byte_order_mark(line);
  }
  if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
    on_line(parse_json(line, fmt::format("{}:{}", source, number)), number);
  }
}

[[noreturn]] void refuse_long_line(const std::string& source, std::int64_t number) {
  throw_<FileError>("A line must have at most {} bytes, but has more ({}:{}).", kMostLineBytes, source,
                    number);
}

/// std::getline limited to kMostLineBytes; false at the end.
bool next_line(std::istream& in, std::string& line, const std::string& source, std::int64_t number) {
  line.clear();
  std::streambuf& buffer = *in.rdbuf();
  for (int c = buffer.sbumpc(); c != std::char_traits<char>::eof(); c = buffer.sbumpc()) {
    if (c == '\n') {
      return true;
    }
    if (line.size() == kMostLineBytes) {
      refuse_long_line(source, number);
    }
    line += static_cast<char>(c);
  }
  return !line.empty();
}

}  // namespace

void read_jsonl(std::istream& in, const std::string& source,
                const std::function<void(const Json&, std::int64_t)>& on_line) {
  std::string line;
  for (std::int64_t number = 1; in && next_line(in, line, source, number); ++number) {
    read_line(line, source, number, on_line);
  }
  if (in.bad()) {
    throw_<SystemError>("{} must be readable to its end, but reading failed.", source);
  }
}

void read_jsonl(const std::filesystem::path& path,
                const std::function<void(const Json&, std::int64_t)>& on_line) {
  InputFile(path).require_at_most(kMostLinesBytes);
  LineReader reader(path, kMostLineBytes);
  while (const auto line = reader.next()) {
    if (!line->whole) {
      refuse_long_line(path.string(), line->number);
    }
    read_line(line->text, path.string(), line->number, on_line);
  }
}

std::string read_stream(std::istream& in, const std::string& source, std::uint64_t most) {
  constexpr std::size_t kReadAtOnce = 1U << 16U;
  std::string text;
  std::string block(kReadAtOnce, '\0');
  while (in.read(block.data(), kReadAtOnce) || in.gcount() > 0) {
    text.append(block, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > most) {
      throw_<FileError>("{} must have at most {} bytes, but has more.", source, most);
    }
  }
  return text;
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

void write_json(const std::filesystem::path& path, const Json& value, Readers readers) {
  write_file_atomic(path, to_text(value, 2) + "\n", readers);
}

JsonlWriter::JsonlWriter(const std::filesystem::path& path, Readers readers) : path_(path) {
  const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  fd_ = ::open(path.c_str(), flags, mode_for(readers));
  if (fd_ < 0 && (errno == EISDIR || errno == ELOOP)) {
    throw_<FileError>("{} must be a regular file, but is {} instead.", path_.string(),
                      errno == EISDIR ? "a folder" : "a link to itself");
  }
  if (fd_ < 0) {
    fail(path_);
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd_);
    throw_<FileError>("{} must be a regular file, but is a device or pipe instead.", path_.string());
  }
  if (std::cmp_greater(status.st_size, kMostLinesBytes)) {
    ::close(fd_);
    throw_<FileError>("{} must have at most {} bytes, but has {} instead.", path_.string(), kMostLinesBytes,
                      status.st_size);
  }
  if (!cut_torn_line(fd_)) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail(path_);
  }
}

JsonlWriter::~JsonlWriter() {
  ::fsync(fd_);
  ::close(fd_);
}

void JsonlWriter::append(const Json& record) {
  const off_t before = size_of(fd_);
  if (before < 0 || !write_all(fd_, to_text(record, -1) + "\n")) {
    const int error = errno;
    // Best effort: the next opening truncates a torn line that remains.
    if (before >= 0 && ::ftruncate(fd_, before) != 0) {
      errno = error;
    }
    errno = error;
    fail(path_);
  }
}

void JsonlWriter::sync() {
  if (::fsync(fd_) != 0) {
    fail(path_);
  }
}

}  // namespace routedk::io
