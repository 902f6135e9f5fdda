#include "routedk/eval/verifier.h"

#include "parts.h"
#include "targets.h"

namespace routedk::fuzz {

void verifier(const std::filesystem::path& file) {
  eval::Verifier::load(folder_of_parts(file, {"verifier.json", "verifier.safetensors"}), 3);
}

}  // namespace routedk::fuzz
