/// TensorBoard's event files: numbers over steps, by tag.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk::io {

/// The CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of RFC 3720.
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// One file `events.out.tfevents.<seconds>.<process>` of a folder that TensorBoard reads. Records are framed
/// as TensorFlow's record files are: length (8 bytes, little-endian), its masked CRC-32C, the data, their
/// masked CRC-32C; the data are protobuf `Event` messages.
class EventFile {
 public:
  /// Makes the folder and the file. SystemError.
  explicit EventFile(const std::filesystem::path& folder);
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  /// One number, kept in fp32. SystemError, e.g. for a full disk.
  void scalar(std::string_view tag, std::int64_t step, double value);

 private:
  void append(std::string_view event);

  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace routedk::io
