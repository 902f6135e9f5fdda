#pragma once

#include <cstddef>

namespace routedk::bundle {

/// Items of a session; a bundle has at least as many as a session must have.
inline constexpr std::size_t kMinItems = 2;
inline constexpr std::size_t kMaxItems = 10;

}  // namespace routedk::bundle
