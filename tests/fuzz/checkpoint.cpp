#include "routedk/train/checkpoint.h"

#include "parts.h"
#include "targets.h"

namespace routedk::fuzz {

void checkpoint(const std::filesystem::path& file) {
  train::read_checkpoint(folder_of_parts(file, {"state.json", "tensors.safetensors"}), {{"one", 4}});
}

}  // namespace routedk::fuzz
