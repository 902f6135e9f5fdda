#include "routedk/text/vocabulary.h"

#include "sentence_piece.h"
#include "tokenizer_files.h"

namespace routedk::text {

Vocabulary Vocabulary::from_sentencepiece(const std::filesystem::path& path) {
  Vocabulary vocabulary;
  vocabulary.source = path.string();
  auto model = std::make_shared<const SentencePiece>(read_tokenizer_file(path), vocabulary.source);
  model->describe(vocabulary);
  vocabulary.sentencepiece = std::move(model);
  return vocabulary;
}

}  // namespace routedk::text
