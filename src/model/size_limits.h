/// Bounds on what a model's file may claim.
#pragma once

#include <cstdint>

namespace routedk::model {

/// No real model has a larger size; it keeps every product of two sizes far from overflow.
inline constexpr std::int64_t kLargestSize = std::int64_t{1} << 24;

}  // namespace routedk::model
