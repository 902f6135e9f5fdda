#include "routedk/text/pair_table.h"

#include <bit>
#include <utility>

namespace routedk::text {

PairTable::PairTable(std::size_t count) : slots_(std::bit_ceil(2 * count + 1)), mask_(slots_.size() - 1) {}

bool PairTable::insert(std::int32_t left, std::int32_t right, Merge merge) {
  if (find(left, right) != nullptr) {
    return false;
  }
  if (2 * ++count_ > slots_.size()) {
    grow();
  }
  const std::uint64_t key = key_of(left, right);
  std::size_t i = place_of(key);
  while (slots_[i].key != kFree) {
    i = (i + 1) & mask_;
  }
  slots_[i] = {key, merge};
  return true;
}

void PairTable::grow() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    std::size_t i = place_of(slot.key);
    while (slot.key != kFree && slots_[i].key != kFree) {
      i = (i + 1) & mask_;
    }
    if (slot.key != kFree) {
      slots_[i] = slot;
    }
  }
}

}  // namespace routedk::text
