#pragma once

#include "routedk/core/error.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace routedk::io {

/// Reads a mapped file from front to back; reads and allocates nothing larger than the rest of the file.
class GgufCursor {
 public:
  GgufCursor(std::string file, std::span<const std::byte> bytes) : file_(std::move(file)), bytes_(bytes) {}

  const std::string& file() const noexcept { return file_; }
  std::size_t position() const noexcept { return position_; }
  std::size_t left() const noexcept { return bytes_.size() - position_; }

  template <typename T>
  T number(const std::string& what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  std::string text(const std::string& what) {
    const auto size = number<std::uint64_t>("the length of " + what);
    const std::span<const std::byte> bytes = take(size, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A count of items of at least `bytes_each` bytes.
  std::uint64_t count(std::uint64_t bytes_each, const std::string& what) {
    const auto value = number<std::uint64_t>("the number of " + what);
    if (value > left() / bytes_each) {
      throw_<FileError>(
          "{}: the number of {} must be at most {}, which fits the rest of the file, but is {} instead.",
          file_, what, left() / bytes_each, value);
    }
    return value;
  }

 private:
  std::span<const std::byte> take(std::uint64_t size, const std::string& what) {
    if (size > left()) {
      throw_<FileError>("{}: {} takes {} bytes at {}, but the file has only {} more.", file_, what, size,
                        position_, left());
    }
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }

  std::string file_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace routedk::io
