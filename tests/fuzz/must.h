/// What holds whatever the input is.
#pragma once

#include <cstdlib>

namespace routedk::fuzz {

inline void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace routedk::fuzz
