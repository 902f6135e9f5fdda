/// Product metadata of the Amazon reviews collection of 2014: one object per line, written as JSON or as a
/// Python literal (most files of that collection), plain or gzip.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace routedk::bundle {

struct Product {
  std::string asin;   ///< Amazon's id, never empty
  std::string title;  ///< as in the file, entities not decoded; empty if the line has none
};

/// The strings `asin` and `title` of one line. All other fields are skipped, at any nesting depth, using
/// memory of a few times the line's length. FileError if the line is neither JSON nor a Python literal, not
/// an object, or has no asin.
Product read_product(std::string_view line);

struct MetadataFile {
  std::filesystem::path path;
  std::int64_t max_bad_lines = 1000;  ///< more bad lines than this are an error
};

/// Statistics of a read.
struct MetadataCounts {
  std::int64_t products = 0;
  std::int64_t bad_lines = 0;  ///< skipped: malformed, without asin, or longer than 4 MiB
};

/// Streams the products of a file of any size in constant memory; blank lines are skipped. `on_bad_line`
/// receives a sentence with file:line for each line that is not a product. FileError when there are too many
/// of those, and as io::LineReader.
MetadataCounts read_metadata(const MetadataFile& file, const std::function<void(const Product&)>& on_product,
                             const std::function<void(const std::string&)>& on_bad_line);

}  // namespace routedk::bundle
