#include "routedk/bundle/session_encoder.h"

#include "routedk/bundle/answer_automaton.h"

namespace routedk::bundle {

SessionEncoder SessionEncoder::load(const std::filesystem::path& model, const std::string& chat) {
  return {text::Tokenizer::load(model),
          chat.empty() ? text::ChatTemplate::load(model) : text::ChatTemplate::named(chat)};
}

std::vector<text::TokenId> SessionEncoder::answer(std::string_view text) const {
  std::vector<text::TokenId> ids =
      tokenizer_.encode(answer_form_.before + std::string(text), answer_form_.place);
  ids.push_back(end_of_turn());
  return ids;
}

text::TokenAutomaton* SessionEncoder::answer_automaton(int n_products) const {
  auto& automaton = (*automata_)[n_products];
  if (automaton == nullptr) {
    automaton = make_answer_automaton(tokenizer_, n_products, answer_form_);
  }
  return automaton.get();
}

}  // namespace routedk::bundle
