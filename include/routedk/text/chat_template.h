/// Conversations -> prompt ids. Message contents never become special tokens, with any template.
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

/// How an answer continues a prompt.
struct AnswerForm {
  TokenId end = kNoToken;        ///< the token that ends the assistant's turn
  Place place = Place::kInside;  ///< of the answer after the prompt
  std::string before = {};       ///< white space that the template puts before an answer, if any
};

class ChatTemplate {
 public:
  /// ChatML; if `default_system` is not empty, it is the first turn unless the first message is a system one.
  static ChatTemplate chatml(std::string default_system);
  /// Llama 3.1, 3.2 and 3.3 without tools: begins with BOS; a system turn always comes first and begins with
  /// the dates, of which today's is 26 July 2024; contents are trimmed.
  static ChatTemplate llama31();
  /// A form by name (chatml, llama2, llama3, llama31, zephyr), or a file with a Jinja template. ConfigError
  /// when it is neither, FileError as read_file.
  static ChatTemplate named(const std::string& name_or_file);
  /// Whether this is the name of a form.
  static bool is_name(std::string_view name);

  /// From a GGUF file's `tokenizer.chat_template`, or a model folder's chat_template.jinja or
  /// tokenizer_config.json. FileError when there is none.
  static ChatTemplate load(const std::filesystem::path& model);
  static ChatTemplate from_gguf(const io::GgufFile& file);
  /// From the template's text (Jinja). SmolLM2's ChatML, with any default system text or none, and the
  /// templates of Llama 3.1 to 3.3 are recognised; minja renders any other, each time in a separate process
  /// limited to 5 seconds and 256 MiB. `source` names it in errors.
  static ChatTemplate parse(std::string_view text, const std::string& source);

  /// Ids of the turns, then, if requested, the header of the assistant's turn. ConfigError when a role is
  /// unknown, and when the template rejects the messages or fails.
  std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                              bool add_generation_prompt) const;
  /// For an unknown template, found by rendering a turn of each role. ConfigError as encode, and when no
  /// token ends the turn.
  AnswerForm answer_form(const Tokenizer& tokenizer) const;
  TokenId end_of_turn(const Tokenizer& tokenizer) const { return answer_form(tokenizer).end; }

 private:
  explicit ChatTemplate(std::shared_ptr<const ChatForm> form) : form_(std::move(form)) {}

  std::shared_ptr<const ChatForm> form_;
};

}  // namespace routedk::text
