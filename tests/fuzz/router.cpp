#include "routedk/experts/router_file.h"

#include "parts.h"
#include "support/tiny_llama.h"
#include "targets.h"

namespace routedk::fuzz {

void router(const std::filesystem::path& file) {
  experts::load_router(folder_of_parts(file, {"router_config.json", "router.safetensors"}),
                       testing::tiny_config());
}

}  // namespace routedk::fuzz
