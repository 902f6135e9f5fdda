/// Titles from product metadata for a domain's untitled items. This closes the label leak of the released
/// data, which has titles for bundled items only.
#pragma once

#include "routedk/bundle/product_metadata.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace routedk::bundle {

struct TitleSources {
  std::filesystem::path domain;   ///< folder of the domain's CSV files
  std::filesystem::path mapping;  ///< CSV `item ID,source ID`: an item's id and its ASIN
  MetadataFile metadata;
  std::filesystem::path output;  ///< CSV `item ID,titles` to write
};

/// Counts distinct items of the sessions with a bundle.
struct TitleCoverage {
  std::int64_t items = 0;
  std::int64_t titled = 0;       ///< before completion
  std::int64_t filled = 0;       ///< given a title by completion
  std::int64_t unmapped = 0;     ///< still untitled: no ASIN in the mapping
  std::int64_t unlisted = 0;     ///< still untitled: ASIN not in the metadata
  std::int64_t blank_title = 0;  ///< still untitled: the metadata has no usable title
  MetadataCounts metadata;
};

/// Reads the domain's titles (titles_file), gives each untitled item the first title that the metadata have
/// for its ASIN, and writes all titles, ascending by item, at once or not at all. New titles have their
/// entities decoded and white space folded; titles there were stay as they are. Errors as read_id_table,
/// read_texts and read_metadata; FileError where the metadata have no product; DataError with file:line where
/// the mapping has no integer or no ASIN of letters and digits, or an untitled item twice.
TitleCoverage complete_titles(const TitleSources& sources,
                              const std::function<void(const std::string&)>& on_bad_line);

}  // namespace routedk::bundle
