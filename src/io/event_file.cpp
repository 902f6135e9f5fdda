#include "routedk/io/event_file.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace routedk::io {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    }
    table[i] = crc;
  }
  return table;
}

/// Rotated and offset, so that checksums of data that contain checksums stay sound (TensorFlow's crc32c.h).
std::uint32_t masked(std::uint32_t crc) {
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

template <typename Number>
void put_little_endian(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(number >> (8 * i) & 0xFF);
  }
}

/// Protobuf's base-128 numbers.
void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) {
    out += static_cast<char>(number | 0x80);
  }
  out += static_cast<char>(number);
}

/// Wire types of protobuf.
enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_key(std::string& out, std::uint64_t field, Wire wire) {
  put_varint(out, field << 3 | static_cast<std::uint64_t>(wire));
}

void put_bytes(std::string& out, std::uint64_t field, std::string_view bytes) {
  put_key(out, field, Wire::kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

/// Event {double wall_time = 1; ...}
std::string event_now() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  std::string event;
  put_key(event, 1, Wire::kFixed64);
  put_little_endian(event, std::bit_cast<std::uint64_t>(now.count()));
  return event;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  }
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  path_ = folder / fmt::format("events.out.tfevents.{}.{}",
                               std::chrono::duration_cast<std::chrono::seconds>(now).count(), ::getpid());
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    throw_<SystemError>("{} must be writable, but the system says: {}", path_.string(),
                        std::system_category().message(errno));
  }
  std::string version = event_now();
  put_bytes(version, 3, "brain.Event:2");  // Event {string file_version = 3}: the first record of a file
  append(version);
}

EventFile::~EventFile() {
  ::close(fd_);
}

void EventFile::scalar(std::string_view tag, std::int64_t step, double value) {
  std::string entry;  // Summary.Value {string tag = 1; float simple_value = 2}
  put_bytes(entry, 1, tag);
  put_key(entry, 2, Wire::kFixed32);
  put_little_endian(entry, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  std::string summary;  // Summary {repeated Value value = 1}
  put_bytes(summary, 1, entry);
  std::string event = event_now();  // Event {int64 step = 2; Summary summary = 5}
  put_key(event, 2, Wire::kVarint);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_bytes(event, 5, summary);
  append(event);
}

void EventFile::append(std::string_view event) {
  std::string record;
  put_little_endian(record, static_cast<std::uint64_t>(event.size()));
  put_little_endian(record, masked(crc32c(record)));
  record += event;
  put_little_endian(record, masked(crc32c(event)));
  if (!write_all(fd_, record)) {
    throw_<SystemError>("{} must be written, but the system says: {}", path_.string(),
                        std::system_category().message(errno));
  }
}

}  // namespace routedk::io
