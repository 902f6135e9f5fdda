/// Several domains as one, to learn from the sessions of all while one of them is evaluated.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"

#include <filesystem>
#include <span>

namespace routedk::bundle {

/// The training sessions of `others`, then all sessions of `evaluated`: split by the same counts, the result
/// has the validation and test sessions of `evaluated`, since these are the last of their lengths. Ids of
/// `evaluated` stay. Those of the others become negative, so that nothing takes them for a shop's own; titles
/// and categories are those of all items. DataError when `evaluated` has too few sessions of a length for its
/// split, or an id below -2^62.
Dataset join_domains(const Dataset& evaluated, std::span<const Dataset> others, const SplitCounts& counts);

/// Writes the files that load_dataset reads, with bundles numbered anew. SystemError when that fails.
void write_dataset(const Dataset& data, const std::filesystem::path& folder);

}  // namespace routedk::bundle
