/// Several domains as one, to learn from the sessions of all while one of them is evaluated.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"

#include <span>

namespace routedk::bundle {

/// The training sessions of `others`, then all sessions of `evaluated`: split by the same counts, the result
/// has the validation and test sessions of `evaluated`, since these are the last of their lengths. Ids of
/// `evaluated` stay. Those of the others become negative, so that nothing takes them for a shop's own. Titles
/// and categories are those of all items, `title_count` is that of `evaluated`. DataError when `evaluated`
/// has too few sessions of a length for its split, or an id below -2^62.
Dataset join_domains(const Dataset& evaluated, std::span<const Dataset> others, const SplitCounts& counts);

}  // namespace routedk::bundle
