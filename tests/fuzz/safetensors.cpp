#include "routedk/io/safetensors.h"

#include <cstdint>

#include "targets.h"

namespace routedk::fuzz {

void safetensors(const std::filesystem::path& file) {
  const io::SafetensorsFile opened = io::SafetensorsFile::open(file);
  volatile std::uint8_t sum = 0;
  for (const auto& [name, tensor] : opened.tensors()) {
    for (const std::byte byte : tensor.bytes) {
      sum = sum + static_cast<std::uint8_t>(byte);
    }
  }
}

}  // namespace routedk::fuzz
