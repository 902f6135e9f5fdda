#include "routedk/core/files.h"
#include "routedk/text/tokenizer.h"

#include <algorithm>

#include "targets.h"

namespace routedk::fuzz {

void tiktoken(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const text::Tokenizer tokenizer(text::Vocabulary::from_tiktoken(file, lines));
  tokenizer.decode(tokenizer.encode(text.substr(0, 256)));
}

}  // namespace routedk::fuzz
