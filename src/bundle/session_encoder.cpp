#include "routedk/bundle/session_encoder.h"

namespace routedk::bundle {

SessionEncoder SessionEncoder::load(const std::filesystem::path& model) {
  return {text::Tokenizer::load(model), text::ChatTemplate::load(model)};
}

std::vector<text::TokenId> SessionEncoder::answer(std::string_view text) const {
  std::vector<text::TokenId> ids = tokenizer_.encode(text);
  ids.push_back(end_of_turn());
  return ids;
}

}  // namespace routedk::bundle
