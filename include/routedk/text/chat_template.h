/// Conversations -> prompt ids. Written as code for the templates we know; contents never become specials.
#pragma once

#include "routedk/text/tokenizer.h"

#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

class ChatTemplate {
 public:
  /// Chosen from the model's `tokenizer.chat_template`; ConfigError names a template we don't know.
  static ChatTemplate from_gguf(const io::GgufFile& file);
  /// From the template's text (Jinja). Known: ChatML as SmolLM2 has it, whatever its default system text.
  static ChatTemplate parse(std::string_view source);

  /// Ids of the turns, then, when asked, the opening of the assistant's turn. The default system turn comes
  /// first where the first message is not a system one. ConfigError when a role is unknown.
  std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                              bool add_generation_prompt) const;
  /// The token that ends the assistant's turn.
  TokenId end_of_turn(const Tokenizer& tokenizer) const;

 private:
  std::string default_system_;  ///< inserted when the first message is not a system turn
  std::string end_of_turn_;     ///< the spelling of the token that ends a turn
};

}  // namespace routedk::text
