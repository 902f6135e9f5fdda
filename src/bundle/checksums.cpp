#include "routedk/bundle/checksums.h"

#include "routedk/core/files.h"
#include "routedk/core/sha256.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <fmt/format.h>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kDigits = 64;

struct Entry {
  std::string digest;
  fs::path file;  // relative to the data folder
};

/// "<64 digits>  path" or "<64 digits> *path"; nothing for another form or a path that leaves the folder.
std::optional<Entry> parse(const std::string& line) {
  const bool has_form = line.size() > kDigits + 2 && line[kDigits] == ' ' &&
                        (line[kDigits + 1] == ' ' || line[kDigits + 1] == '*') &&
                        line.find_first_not_of("0123456789abcdefABCDEF") == kDigits;
  if (!has_form) {
    return std::nullopt;
  }
  Entry entry{line.substr(0, kDigits), fs::path(line.substr(kDigits + 2)).lexically_normal()};
  std::ranges::transform(entry.digest, entry.digest.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool leads_out = entry.file.is_absolute() || *entry.file.begin() == "..";
  return leads_out ? std::nullopt : std::optional(std::move(entry));
}

/// The problem with the file, empty if none.
std::string problem_of(const fs::path& dir, const Entry& entry) {
  if (!fs::is_regular_file(dir / entry.file)) {
    return fmt::format("{} must be there, but is missing", entry.file.string());
  }
  const std::string digest = sha256_hex(read_file(dir / entry.file, kMostTableBytes));
  return digest == entry.digest ? std::string()
                                : fmt::format("{} must have the SHA-256 {}, but has {}", entry.file.string(),
                                              entry.digest, digest);
}

}  // namespace

Findings check_checksums(const fs::path& dir, std::span<const std::string> domains) {
  Findings findings;
  const fs::path sums = dir / "SHA256SUMS";
  if (!fs::exists(sums)) {
    return findings;
  }
  std::istringstream in(read_file(sums, kMostSettingsBytes));
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    const auto entry = parse(line);
    std::string problem;
    if (!entry) {
      problem = "A line must be a SHA-256, two blanks and a file of this folder, but is not";
    } else if (std::ranges::find(domains, entry->file.begin()->string()) != domains.end()) {
      problem = problem_of(dir, *entry);
    }
    if (!problem.empty()) {
      findings.add({Severity::kError, "checksum", sums, number, problem});
    }
  }
  return findings;
}

}  // namespace routedk::bundle
