#include "routedk/io/line_reader.h"

#include "routedk/core/error.h"
#include "routedk/core/input_file.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

#include <zlib.h>

namespace routedk::io {
namespace {

constexpr std::size_t kBlockBytes = 1 << 16;

}  // namespace

struct LineReader::Stream {
  explicit Stream(gzFile opened) : file(opened) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { gzclose_r(file); }
  gzFile file;
};

LineReader::LineReader(const std::filesystem::path& path, std::size_t longest)
    : path_(path), longest_(longest), block_(kBlockBytes) {
  InputFile input(path);
  gzFile file = gzdopen(input.descriptor(), "rb");
  if (file == nullptr) {
    throw std::bad_alloc();  // the only reason for failure with a valid descriptor
  }
  input.release();
  stream_ = std::make_unique<Stream>(file);
}

LineReader::~LineReader() = default;

bool LineReader::fill() {
  const int count = gzread(stream_->file, block_.data(), static_cast<unsigned>(block_.size()));
  int error = Z_OK;
  const char* message = gzerror(stream_->file, &error);
  if (error != Z_OK && error != Z_STREAM_END) {
    throw_<FileError>("{} must be complete gzip data or plain text, but after line {}: {}.", path_.string(),
                      number_, error == Z_ERRNO ? std::system_category().message(errno) : message);
  }
  rest_ = {block_.data(), static_cast<std::size_t>(std::max(count, 0))};
  return !rest_.empty();
}

void refuse_utf16(std::string_view text, const std::string& source) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw_<FileError>("{} must be UTF-8, but begins like UTF-16: save it as UTF-8.", source);
  }
}

std::optional<Line> LineReader::next() {
  line_.clear();
  bool whole = true;
  bool ended = false;
  bool any = false;
  while (!ended && (!rest_.empty() || fill())) {
    any = true;
    const std::size_t newline = rest_.find('\n');
    const std::string_view piece = rest_.substr(0, newline);
    ended = newline != std::string_view::npos;
    rest_.remove_prefix(piece.size() + (ended ? 1 : 0));
    whole = whole && line_.size() + piece.size() <= longest_;
    if (whole) {
      line_ += piece;
    }
  }
  if (!any) {
    return std::nullopt;
  }
  return Line{whole ? std::string_view(line_) : std::string_view(), ++number_, whole};
}

}  // namespace routedk::io
