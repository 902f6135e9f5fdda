/// TensorBoard event files: numbers over steps, by tag.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk::io {

/// The CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of RFC 3720.
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// A file `events.out.tfevents.<seconds>.<process>` in a folder that TensorBoard reads. Records are framed as
/// in TensorFlow's record files: length (8 bytes, little-endian), its masked CRC-32C, the data, their masked
/// CRC-32C; the data are protobuf `Event` messages.
class EventFile {
 public:
  /// Creates the folder and the file. SystemError on failure.
  explicit EventFile(const std::filesystem::path& folder);
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  /// One number, stored in fp32. SystemError, e.g. on a full disk.
  void scalar(std::string_view tag, std::int64_t step, double value);

 private:
  void append(std::string_view event);

  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace routedk::io
