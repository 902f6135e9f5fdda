/// Routers as folders: router.safetensors and router_config.json.
#pragma once

#include "routedk/experts/router.h"
#include "routedk/model/config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace routedk::experts {

/// A router and the names of the experts that its weights stand for, in order.
struct NamedRouter {
  RouterGate gate;
  std::vector<std::string> experts;  // [K]
};

/// Writes the folder under a temporary name, flushes, renames: `router.<layer>.weight` [K,D] and
/// `router.<layer>.bias` [K] in F32, `router.global.*` for a global one, biases alone for a constant one.
/// SystemError when the disk is full.
void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder);

/// Every key of the configuration but `experts` may be missing. FileError when a key is unknown, a value
/// is not one this version computes (`pool` attention, `pool_span` items), or a tensor is missing, unknown,
/// of another shape or not finite.
NamedRouter load_router(const std::filesystem::path& folder, const model::LlamaConfig& model);

}  // namespace routedk::experts
