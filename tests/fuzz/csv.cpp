#include "routedk/io/csv.h"

#include "targets.h"

namespace routedk::fuzz {

void csv(const std::filesystem::path& file) {
  io::read_csv(file, 2, [](const io::CsvRow&) {});
}

}  // namespace routedk::fuzz
