/// The implementations of chat templates, one per kind.
#pragma once

#include "routedk/text/chat_template.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// Builds a prompt. What is between two special tokens is encoded as one text, since tokens may cross a
/// newline.
class PromptWriter {
 public:
  explicit PromptWriter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  const Tokenizer& tokenizer() const noexcept { return tokenizer_; }
  void text(std::string_view more) { text_ += more; }
  void token(TokenId id);
  /// Adds a special token by its spelling; ConfigError when the model has no such token.
  void special(std::string_view spelling) { token(tokenizer_.special(spelling)); }
  std::vector<TokenId> take();

 private:
  void flush();

  const Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
  std::string text_;
};

class ChatForm {
 public:
  ChatForm() = default;
  ChatForm(const ChatForm&) = delete;
  ChatForm& operator=(const ChatForm&) = delete;
  virtual ~ChatForm() = default;

  /// Roles have been checked.
  virtual void write(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
                     PromptWriter& to) const = 0;
  virtual AnswerForm answer_form(const Tokenizer& tokenizer) const = 0;
};

std::shared_ptr<const ChatForm> chatml_form(std::string default_system);
std::shared_ptr<const ChatForm> llama3_form(bool with_dates);
std::shared_ptr<const ChatForm> llama2_form();
std::shared_ptr<const ChatForm> zephyr_form();
/// A form from this template, which `source` names in errors.
std::shared_ptr<const ChatForm> jinja_form(std::string text, std::string source);

/// The form with this name, or nullptr.
std::shared_ptr<const ChatForm> form_named(std::string_view name);
/// "chatml, llama2, ...".
std::string form_names();

}  // namespace routedk::text
