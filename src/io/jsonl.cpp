#include "routedk/io/jsonl.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk::io {
namespace {

// Text from a model may end within a character: such bytes become U+FFFD instead of an error.
std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

constexpr int kMaxDepth = 500;

// How deep brackets nest outside strings: printing, comparing and copying a Json recurse.
int depth_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
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

// Cuts off a last line without its newline.
bool cut_torn_line(int fd) {
  const off_t size = size_of(fd);
  const off_t whole = size < 0 ? -1 : whole_lines(fd, size);
  return whole >= 0 && (whole == size || ::ftruncate(fd, whole) == 0);
}

}  // namespace

std::string parser_message(const Json::exception& error) {
  std::string message = std::string(error.what()).substr(0, 200);
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return message;
}

Json parse_json(const std::string& text, const std::string& source) {
  if (const int depth = depth_of(text); depth > kMaxDepth) {
    throw_<FileError>("{} must nest at most {} brackets, but nests {}.", source, kMaxDepth, depth);
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw_<FileError>("{} must be JSON: {}.", source, parser_message(error));
  }
}

void read_jsonl(std::istream& in, const std::string& source,
                const std::function<void(const Json&, std::int64_t)>& on_line) {
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      on_line(parse_json(line, fmt::format("{}:{}", source, number)), number);
    }
  }
  if (in.bad()) {
    throw_<SystemError>("{} must be readable to its end, but reading failed.", source);
  }
}

void read_jsonl(const std::filesystem::path& path,
                const std::function<void(const Json&, std::int64_t)>& on_line) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path)) {
    throw_<FileError>("{} must be a readable file, but the system says: {}.", path.string(),
                      std::system_category().message(in ? EISDIR : errno));
  }
  read_jsonl(in, path.string(), on_line);
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

void write_json(const std::filesystem::path& path, const Json& value) {
  write_file_atomic(path, to_text(value, 2) + "\n");
}

JsonlWriter::JsonlWriter(const std::filesystem::path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    fail(path_);
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
    // Best effort: a torn line that stays is cut off on the next opening.
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
