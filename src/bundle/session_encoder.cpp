#include "routedk/bundle/session_encoder.h"

namespace routedk::bundle {

SessionEncoder SessionEncoder::from_gguf(const std::filesystem::path& model) {
  const io::GgufFile file = io::GgufFile::open(model);
  return {text::Tokenizer::from_gguf(file), text::ChatTemplate::from_gguf(file)};
}

std::vector<text::TokenId> SessionEncoder::answer(std::string_view text) const {
  std::vector<text::TokenId> ids = tokenizer_.encode(text);
  ids.push_back(end_of_turn());
  return ids;
}

}  // namespace routedk::bundle
