#include "routedk/text/tokenizer.h"

#include "targets.h"

namespace routedk::fuzz {

void sentencepiece(const std::filesystem::path& file) {
  const text::Tokenizer tokenizer(text::Vocabulary::from_sentencepiece(file));
  tokenizer.decode(tokenizer.encode("ab b  \xC3\xA9<s>"));
}

}  // namespace routedk::fuzz
