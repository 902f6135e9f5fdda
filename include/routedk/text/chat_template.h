/// Conversations -> prompt ids. Contents never become special tokens, whatever the template.
#pragma once

#include "routedk/text/tokenizer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

class ChatForm;

struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// How an answer continues from a prompt.
struct AnswerForm {
  TokenId end = kNoToken;        ///< the token that ends the assistant's turn
  Place place = Place::kInside;  ///< of the answer after the prompt
  std::string before = {};       ///< the blanks that the template puts before an answer, if any
};

class ChatTemplate {
 public:
  /// ChatML; where `default_system` is not empty, a turn with that text comes first unless the first message
  /// is a system one.
  static ChatTemplate chatml(std::string default_system);
  /// Llama 3.1, 3.2 and 3.3 without tools: begins with BOS; a system turn always comes first, and opens with
  /// the dates, of which today's is 26 July 2024; contents lose the blanks around them.
  static ChatTemplate llama31();
  /// A form by its name (chatml, llama2, llama3, llama31, zephyr), or a file with a Jinja template.
  /// ConfigError where it is neither, FileError as read_file.
  static ChatTemplate named(const std::string& name_or_file);
  /// Whether this is the name of a form.
  static bool is_name(std::string_view name);

  /// That of a GGUF file's `tokenizer.chat_template`, or of a model folder's chat_template.jinja or
  /// tokenizer_config.json. FileError where there is none.
  static ChatTemplate load(const std::filesystem::path& model);
  static ChatTemplate from_gguf(const io::GgufFile& file);
  /// From the template's text (Jinja). ChatML as SmolLM2 has it, whatever its default system text, or without
  /// one, and those of Llama 3.1 to 3.3 are known; any other is rendered by minja, each time in a process of
  /// its own with 5 seconds and 256 MiB. `source` names it in errors.
  static ChatTemplate parse(std::string_view text, const std::string& source);

  /// Ids of the turns, then, when asked, the opening of the assistant's turn. ConfigError when a role is
  /// unknown, and where the template refuses the messages or fails.
  std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                              bool add_generation_prompt) const;
  /// Of an unknown template by rendering a turn of each role. ConfigError as encode, and where no token ends
  /// the turn.
  AnswerForm answer_form(const Tokenizer& tokenizer) const;
  TokenId end_of_turn(const Tokenizer& tokenizer) const { return answer_form(tokenizer).end; }

 private:
  explicit ChatTemplate(std::shared_ptr<const ChatForm> form) : form_(std::move(form)) {}

  std::shared_ptr<const ChatForm> form_;
};

}  // namespace routedk::text
