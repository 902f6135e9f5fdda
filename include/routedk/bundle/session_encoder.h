/// Prompts and answers as token ids, tokenised separately (METHOD: the loss and the automaton see answer ids
/// only).
#pragma once

#include "routedk/text/chat_template.h"
#include "routedk/text/token_automaton.h"
#include "routedk/text/tokenizer.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace routedk::bundle {

class SessionEncoder {
 public:
  /// Errors as ChatTemplate::answer_form.
  SessionEncoder(text::Tokenizer tokenizer, text::ChatTemplate chat)
      : tokenizer_(std::move(tokenizer)),
        chat_(std::move(chat)),
        answer_form_(chat_.answer_form(tokenizer_)) {}
  /// Loads the tokenizer and chat template of a GGUF file or a model folder; with `chat`, uses the template
  /// that ChatTemplate::named finds instead.
  static SessionEncoder load(const std::filesystem::path& model, const std::string& chat = "");

  /// The turns, then the header of the assistant's turn.
  std::vector<text::TokenId> prompt(const std::vector<text::ChatMessage>& messages) const {
    return chat_.encode(tokenizer_, messages, /*add_generation_prompt=*/true);
  }
  /// The answer's ids, as they follow a prompt, and the end-of-turn token.
  std::vector<text::TokenId> answer(std::string_view text) const;
  text::TokenId end_of_turn() const noexcept { return answer_form_.end; }
  /// The other tokens that end an answer according to the model's files.
  const std::vector<text::TokenId>& ends() const noexcept { return tokenizer_.ends(); }
  const text::Tokenizer& tokenizer() const noexcept { return tokenizer_; }
  /// The automaton of answers about `n_products` products, created on first use and kept while the encoder or
  /// a copy of it lives; shared, so for one thread only. Errors as make_answer_automaton.
  text::TokenAutomaton* answer_automaton(int n_products) const;

 private:
  using Automata = std::map<int, std::unique_ptr<text::TokenAutomaton>>;

  text::Tokenizer tokenizer_;
  text::ChatTemplate chat_;
  text::AnswerForm answer_form_;
  std::shared_ptr<Automata> automata_ = std::make_shared<Automata>();
};

}  // namespace routedk::bundle
