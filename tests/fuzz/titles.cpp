#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>

#include "must.h"
#include "targets.h"

namespace routedk::fuzz {

/// A title of a product, and how a message shows it.
void titles(const std::filesystem::path& file) {
  const std::string title = read_file(file);
  if (!bundle::is_utf8(title)) {
    throw FileError("a title must be UTF-8");
  }
  const std::string clean = bundle::clean_title(title);
  must(bundle::is_utf8(clean) && bundle::fold_space(clean) == clean);
  const std::string shown = without_api_keys(displayed(title));
  must(bundle::is_utf8(shown) && !holds_api_key(shown) &&
       std::ranges::none_of(shown, [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
}

}  // namespace routedk::fuzz
