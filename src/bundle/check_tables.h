/// The CSV files of a domain, parsed as far as possible; what cannot be parsed is a finding.
#pragma once

#include "routedk/bundle/findings.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace routedk::bundle {

struct IdRow {
  std::vector<std::int64_t> ids;
  std::int64_t line = 0;
};
struct IdRows {
  std::filesystem::path path;
  bool whole = true;  ///< read to its end
  std::vector<IdRow> rows;
};

struct TextRow {
  std::string text;
  std::int64_t line = 0;
};
struct TextRows {
  std::filesystem::path path;
  bool whole = true;  ///< read to its end
  std::map<std::int64_t, TextRow> rows;

  /// Whether the id has a text with more than white space and entities.
  bool says_something(std::int64_t id) const;
};

/// Rows of integers under the given header; findings csv, header, id.
IdRows check_ids(const std::filesystem::path& path, const std::string& header, Findings& findings);

/// The same for rows that must be distinct; finding repeated_row.
IdRows check_distinct_ids(const std::filesystem::path& path, const std::string& header, Findings& findings);

/// `id,text` rows under the given header; findings csv, header, id, repeated_row, utf8, entity.
TextRows check_texts(const std::filesystem::path& path, const std::string& header, Findings& findings);

}  // namespace routedk::bundle
