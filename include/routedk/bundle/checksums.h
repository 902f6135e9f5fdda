/// The data folder's SHA256SUMS, as sha256sum writes it.
#pragma once

#include "routedk/bundle/findings.h"

#include <filesystem>
#include <span>
#include <string>

namespace routedk::bundle {

/// Compares the files of the named domains with what SHA256SUMS of `dir` says of them; nothing to find where
/// there is no SHA256SUMS. Errors, rule `checksum`: a line of another form, a file that is missing or whose
/// content is another. FileError when SHA256SUMS can't be read.
Findings check_checksums(const std::filesystem::path& dir, std::span<const std::string> domains);

}  // namespace routedk::bundle
