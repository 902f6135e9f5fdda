#include "routedk/core/files.h"
#include "routedk/text/tokenizer.h"

#include "targets.h"

namespace routedk::fuzz {

void tokenizer_json(const std::filesystem::path& file) {
  const text::Tokenizer tokenizer(text::Vocabulary::from_json(file));
  tokenizer.decode(tokenizer.encode(read_file(file).substr(0, 256)));
}

}  // namespace routedk::fuzz
