#include "tokenizer_json.h"

#include "routedk/io/parse_json.h"

#include "tokenizer_files.h"

namespace routedk::text {

JsonField read_tokenizer_json(const std::filesystem::path& path) {
  constexpr int kMostDepth = 16;
  return {io::parse_json<Json>(read_tokenizer_file(path), path.string(), kMostDepth), path.string()};
}

}  // namespace routedk::text
