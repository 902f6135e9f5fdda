#include "routedk/bundle/product_metadata.h"

#include <string>

#include "targets.h"

namespace routedk::fuzz {

void product_metadata(const std::filesystem::path& file) {
  bundle::read_metadata(
      {file, 2}, [](const bundle::Product&) {}, [](const std::string&) {});
}

}  // namespace routedk::fuzz
