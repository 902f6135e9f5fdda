/// The data folder's SHA256SUMS, in the format of sha256sum.
#pragma once

#include "routedk/bundle/findings.h"

#include <filesystem>
#include <span>
#include <string>

namespace routedk::bundle {

/// Compares the files of the given domains with SHA256SUMS of `dir`; no findings if there is no SHA256SUMS.
/// Errors, rule `checksum`: a malformed line, a missing file, a file with different content. FileError when
/// SHA256SUMS cannot be read.
Findings check_checksums(const std::filesystem::path& dir, std::span<const std::string> domains);

}  // namespace routedk::bundle
