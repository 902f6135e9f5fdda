/// Byte strings -> token ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// Open addressing over strings that are stored contiguously.
class ByteTable {
 public:
  /// Room for `count` strings, 4 GiB of bytes in total; more must not be inserted.
  explicit ByteTable(std::size_t count);

  /// False if the string already exists.
  bool insert(std::string_view bytes, std::int32_t id);
  /// -1 if there is no such string.
  std::int32_t find(std::string_view bytes) const noexcept;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  std::size_t place_of(std::uint32_t hash, std::string_view bytes) const noexcept;

  std::string bytes_;
  std::vector<Slot> slots_;
  std::size_t mask_;
};

}  // namespace routedk::text
