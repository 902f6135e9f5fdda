/// An untrained expert, as a control for what training put into the deltas.
#pragma once

#include "routedk/experts/expert.h"

#include <cstdint>
#include <string>

namespace routedk::experts {

/// A and B are random, uniform and keyed by (seed, name, layer, linear), with the ranks and scales of
/// `trained`; B is scaled so that each linear's delta s B A also has the same Frobenius norm.
Expert random_expert(std::string name, const Expert& trained, const model::LlamaConfig& model,
                     std::uint64_t seed);

}  // namespace routedk::experts
