/// Routers as folders: router.safetensors and router_config.json.
#pragma once

#include "routedk/experts/router.h"
#include "routedk/model/config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace routedk::experts {

/// A router and the names of its experts, in order.
struct NamedRouter {
  RouterGate gate;
  std::vector<std::string> experts;  // [K]
};

/// Writes the folder under a temporary name, flushes, renames: `router.<layer>.weight` [K,D] and
/// `router.<layer>.bias` [K] in F32, `router.global.*` for a global one; a static gate has only biases.
/// SystemError if the disk is full.
void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder);

/// Every key of the configuration except `experts` may be missing; a file without a weight in the first layer
/// is a static gate's. FileError if a key is unknown, a value is not supported by this version (`pool`
/// attention, `pool_span` items), or a tensor is missing, unknown, of another shape or not finite.
NamedRouter load_router(const std::filesystem::path& folder, const model::LlamaConfig& model);

}  // namespace routedk::experts
