#include "routedk/io/json_field.h"

#include "targets.h"

namespace routedk::fuzz {

void json_lines(const std::filesystem::path& file) {
  io::read_records(file, [](const io::JsonField& record) {
    const io::JsonField id = record["session"];
    id.integer(0);
    for (const io::JsonField& item : record["items"].items()) {
      item["title"].text();
      item["weight"].real(0, 1);
    }
  });
}

}  // namespace routedk::fuzz
