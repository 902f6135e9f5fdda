/// The CSV files of one domain, each parsed into a validated table.
#pragma once

#include "routedk/bundle/session.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace routedk::bundle {

/// Two integer columns, `key,value`, grouped by key: keys in order of first appearance, values in file order.
struct IdTable {
  struct Group {
    std::int64_t key = 0;
    std::vector<std::int64_t> values;
    std::vector<std::int64_t> lines;  ///< of the values

    /// Where the key first appears.
    std::int64_t line() const { return lines.front(); }
  };
  std::filesystem::path path;
  std::vector<Group> groups;
  std::unordered_map<std::int64_t, std::size_t> index;  ///< key -> groups

  /// nullptr if the key does not occur.
  const Group* find(std::int64_t key) const;
};

/// A field as an id; DataError names file:line if it is not a 64-bit integer.
std::int64_t parse_id(const std::string& field, const std::filesystem::path& path, std::int64_t line);

/// FileError as io::read_csv; DataError with file:line for an id that is not an integer and for a pair that
/// occurs twice.
IdTable read_id_table(const std::filesystem::path& path);

/// `id,text` by id. DataError with file:line for an id that is not an integer or occurs twice, and for text
/// that is not UTF-8.
std::map<std::int64_t, std::string> read_texts(const std::filesystem::path& path);

/// The file with a domain's titles: item_titles_full.csv if it exists, else item_titles.csv.
std::filesystem::path titles_file(const std::filesystem::path& domain_folder);

}  // namespace routedk::bundle
