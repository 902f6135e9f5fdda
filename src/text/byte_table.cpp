#include "routedk/text/byte_table.h"

#include <bit>
#include <cstring>

namespace routedk::text {
namespace {

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;

/// Eight bytes per step.
std::uint32_t hash_of(std::string_view bytes) noexcept {
  std::uint64_t hash = bytes.size() * kMultiplier;
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t step = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
    std::memcpy(&word, bytes.data(), step);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32U;
    bytes.remove_prefix(step);
  }
  return static_cast<std::uint32_t>(hash);
}

}  // namespace

ByteTable::ByteTable(std::size_t count) : slots_(std::bit_ceil(2 * count + 1)), mask_(slots_.size() - 1) {}

std::size_t ByteTable::place_of(std::uint32_t hash, std::string_view bytes) const noexcept {
  std::size_t i = hash & mask_;
  while (slots_[i].id >= 0 &&
         (slots_[i].hash != hash || slots_[i].size != bytes.size() ||
          std::memcmp(bytes_.data() + slots_[i].begin, bytes.data(), bytes.size()) != 0)) {
    i = (i + 1) & mask_;
  }
  return i;
}

bool ByteTable::insert(std::string_view bytes, std::int32_t id) {
  const std::uint32_t hash = hash_of(bytes);
  Slot& slot = slots_[place_of(hash, bytes)];
  if (slot.id >= 0) {
    return false;
  }
  slot = {hash, id, static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(bytes.size())};
  bytes_ += bytes;
  return true;
}

std::int32_t ByteTable::find(std::string_view bytes) const noexcept {
  return slots_[place_of(hash_of(bytes), bytes)].id;
}

}  // namespace routedk::text
