/// Some of many, spread over their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace routedk {

/// All items, or `limit` of them evenly spread over their order; 0 means all.
template <typename Item>
std::vector<Item> evenly_spread(const std::vector<Item>& items, std::int64_t limit) {
  const auto wanted = static_cast<std::size_t>(limit);
  if (limit == 0 || wanted >= items.size()) {
    return items;
  }
  std::vector<Item> some;
  some.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    some.push_back(items[i * items.size() / wanted]);
  }
  return some;
}

}  // namespace routedk
