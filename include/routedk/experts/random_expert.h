/// An expert that knows nothing, as a control of what training put into the deltas.
#pragma once

#include "routedk/experts/expert.h"

#include <cstdint>
#include <string>

namespace routedk::experts {

/// A and B random, uniform and keyed by (seed, name, layer, linear); ranks and scales are those of `trained`,
/// and so is the Frobenius norm of each linear's delta s B A, which B is scaled to.
Expert random_expert(std::string name, const Expert& trained, const model::LlamaConfig& model,
                     std::uint64_t seed);

}  // namespace routedk::experts
