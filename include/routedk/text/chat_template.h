/// Conversations -> prompt ids. Written as code for the templates we know; contents never become specials.
#pragma once

#include "routedk/text/tokenizer.h"

#include <filesystem>
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
  /// ChatML; where `default_system` is not empty, a turn with that text comes first unless the first message
  /// is a system one.
  static ChatTemplate chatml(std::string default_system);
  /// Llama 3.1 without tools: begins with BOS; a system turn always comes first, and opens with the dates, of
  /// which today's is 26 July 2024; contents lose the blanks around them.
  static ChatTemplate llama31();

  /// Chosen from a GGUF file's `tokenizer.chat_template`, or from a model folder's chat_template.jinja or
  /// tokenizer_config.json. FileError where there is none, ConfigError names one we don't know.
  static ChatTemplate load(const std::filesystem::path& model);
  static ChatTemplate from_gguf(const io::GgufFile& file);
  /// From the template's text (Jinja). Known: ChatML as SmolLM2 has it, whatever its default system text, or
  /// without one; Llama 3.1's, word for word.
  static ChatTemplate parse(std::string_view source);

  /// Ids of the turns, then, when asked, the opening of the assistant's turn. ConfigError when a role is
  /// unknown.
  std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                              bool add_generation_prompt) const;
  /// The token that ends the assistant's turn.
  TokenId end_of_turn(const Tokenizer& tokenizer) const;

 private:
  class Writer;
  ChatTemplate() = default;

  // A turn: start_, role, header_end_ if any, after_role_ + content, end_, after_end_.
  std::string bos_;         ///< spelling of the token before all turns, or empty
  std::string start_;       ///< spellings of tokens, too: start_, header_end_, end_
  std::string header_end_;  ///< where it is empty, role and content are one text
  std::string after_role_;
  std::string end_;
  std::string after_end_;
  std::string system_head_;     ///< before the content of the first system turn, which then is always there
  std::string default_system_;  ///< content of a system turn put before other messages, or empty for none
  bool trims_ = false;          ///< contents lose the blanks around them
};

}  // namespace routedk::text
