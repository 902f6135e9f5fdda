#include "routedk/text/chat_template.h"

#include "routedk/core/error.h"

#include <array>

#include "trim.h"

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

class ChatTemplate::Writer {
 public:
  Writer(const ChatTemplate& form, const Tokenizer& tokenizer) : form_(form), tokenizer_(tokenizer) {
    if (!form_.bos_.empty()) {
      ids_.push_back(tokenizer_.special(form_.bos_));
    }
  }

  /// What lies between two special tokens is one text, as in the template, since tokens may cross a newline.
  void open(std::string_view role, std::string_view content) {
    ids_.push_back(tokenizer_.special(form_.start_));
    std::string text(role);
    if (!form_.header_end_.empty()) {
      add(text);
      ids_.push_back(tokenizer_.special(form_.header_end_));
      text.clear();
    }
    add(text + form_.after_role_ + std::string(content));
  }
  void turn(std::string_view role, std::string_view content) {
    open(role, content);
    ids_.push_back(form_.end_of_turn(tokenizer_));
    add(form_.after_end_);
  }
  std::vector<TokenId> take() { return std::move(ids_); }

 private:
  void add(const std::string& text) {
    const std::vector<TokenId> ids = tokenizer_.encode(text);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

  const ChatTemplate& form_;
  const Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
};

ChatTemplate ChatTemplate::chatml(std::string default_system) {
  ChatTemplate form;
  form.start_ = "<|im_start|>";
  form.after_role_ = "\n";
  form.end_ = "<|im_end|>";
  form.after_end_ = "\n";
  form.default_system_ = std::move(default_system);
  return form;
}

ChatTemplate ChatTemplate::llama31() {
  ChatTemplate form;
  form.bos_ = "<|begin_of_text|>";
  form.start_ = "<|start_header_id|>";
  form.header_end_ = "<|end_header_id|>";
  form.after_role_ = "\n\n";
  form.end_ = "<|eot_id|>";
  form.system_head_ = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  form.trims_ = true;
  return form;
}

std::vector<TokenId> ChatTemplate::encode(const Tokenizer& tokenizer,
                                          const std::vector<ChatMessage>& messages,
                                          bool add_generation_prompt) const {
  Writer writer(*this, tokenizer);
  const bool has_system = !messages.empty() && messages.front().role == "system";
  if (!has_system && (!system_head_.empty() || (!default_system_.empty() && !messages.empty()))) {
    writer.turn("system", system_head_ + default_system_);
  }
  for (const ChatMessage& message : messages) {
    check_role(message.role);
    const std::string_view content = trims_ ? trim(message.content) : message.content;
    const bool first_system = has_system && &message == &messages.front();
    writer.turn(message.role, (first_system ? system_head_ : "") + std::string(content));
  }
  if (add_generation_prompt) {
    writer.open("assistant", "");
  }
  return writer.take();
}

TokenId ChatTemplate::end_of_turn(const Tokenizer& tokenizer) const {
  return tokenizer.special(end_);
}

}  // namespace routedk::text
