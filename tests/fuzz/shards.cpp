#include "routedk/io/safetensors_shards.h"

#include "parts.h"
#include "targets.h"

namespace routedk::fuzz {

void shards(const std::filesystem::path& file) {
  io::SafetensorsShards::open(folder_of_parts(file, {"model.safetensors.index.json", "a.safetensors"}));
}

}  // namespace routedk::fuzz
