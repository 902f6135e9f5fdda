/// Little-endian bytes for hand-made files.
#pragma once

#include <cstring>
#include <string>

namespace routedk::testing {

template <typename T>
std::string little(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

}  // namespace routedk::testing
