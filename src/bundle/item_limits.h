#pragma once

#include <cstddef>

namespace routedk::bundle {

/// Items of a session; the minimum also applies to a bundle.
inline constexpr std::size_t kMinItems = 2;
inline constexpr std::size_t kMaxItems = 10;

}  // namespace routedk::bundle
