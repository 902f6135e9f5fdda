#include "routedk/text/chat_template.h"

#include "routedk/core/error.h"

#include "chat_form.h"

namespace routedk::text {
namespace {

void check_role(const std::string& role) {
  for (const std::string_view known : {"system", "user", "assistant"}) {
    if (role == known) {
      return;
    }
  }
  throw_<ConfigError>("A message's role must be system, user or assistant, but is `{}`.", role);
}

}  // namespace

void PromptWriter::flush() {
  const std::vector<TokenId> more =
      tokenizer_.encode(text_, ids_.empty() ? Place::kStart : Place::kAfterSpecial);
  ids_.insert(ids_.end(), more.begin(), more.end());
  text_.clear();
}

void PromptWriter::token(TokenId id) {
  flush();
  ids_.push_back(id);
}

std::vector<TokenId> PromptWriter::take() {
  flush();
  return std::move(ids_);
}

ChatTemplate ChatTemplate::chatml(std::string default_system) {
  return ChatTemplate(chatml_form(std::move(default_system)));
}

ChatTemplate ChatTemplate::llama31() {
  return ChatTemplate(llama3_form(/*with_dates=*/true));
}

std::vector<TokenId> ChatTemplate::encode(const Tokenizer& tokenizer,
                                          const std::vector<ChatMessage>& messages,
                                          bool add_generation_prompt) const {
  for (const ChatMessage& message : messages) {
    check_role(message.role);
  }
  PromptWriter writer(tokenizer);
  form_->write(messages, add_generation_prompt, writer);
  return writer.take();
}

AnswerForm ChatTemplate::answer_form(const Tokenizer& tokenizer) const {
  return form_->answer_form(tokenizer);
}

}  // namespace routedk::text
