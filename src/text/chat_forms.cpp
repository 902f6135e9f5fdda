#include "routedk/core/error.h"

#include <array>
#include <utility>

#include "chat_form.h"
#include "trim.h"
#include <fmt/ranges.h>

namespace routedk::text {
namespace {

TokenId needed(TokenId id, std::string_view name, std::string_view form) {
  if (id == kNoToken) {
    throw_<ConfigError>("A model with the chat template {} must name its {} token, but names none.", form,
                        name);
  }
  return id;
}

bool begins_with_system(const std::vector<ChatMessage>& messages) {
  return !messages.empty() && messages.front().role == "system";
}

class ChatMl final : public ChatForm {
 public:
  explicit ChatMl(std::string default_system) : default_system_(std::move(default_system)) {}

  void write(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
             PromptWriter& to) const override {
    if (!default_system_.empty() && !messages.empty() && !begins_with_system(messages)) {
      turn({"system", default_system_}, to);
    }
    for (const ChatMessage& message : messages) {
      turn(message, to);
    }
    if (add_generation_prompt) {
      to.special("<|im_start|>");
      to.text("assistant\n");
    }
  }
  AnswerForm answer_form(const Tokenizer& tokenizer) const override {
    return {.end = tokenizer.special("<|im_end|>")};
  }

 private:
  static void turn(const ChatMessage& message, PromptWriter& to) {
    to.special("<|im_start|>");
    to.text(message.role + "\n" + message.content);
    to.special("<|im_end|>");
    to.text("\n");
  }

  std::string default_system_;
};

/// Llama 3; since 3.1 a system turn always comes first and begins with dates.
class Llama3Form final : public ChatForm {
 public:
  explicit Llama3Form(bool with_dates) : with_dates_(with_dates) {}

  void write(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
             PromptWriter& to) const override {
    const bool has_system = begins_with_system(messages);
    if (with_dates_ || !messages.empty()) {
      to.special("<|begin_of_text|>");
    }
    if (with_dates_ && !has_system) {
      turn("system", kDates, to);
    }
    for (const ChatMessage& message : messages) {
      const bool dated = with_dates_ && has_system && &message == &messages.front();
      turn(message.role, (dated ? kDates : "") + std::string(trim(message.content)), to);
    }
    if (add_generation_prompt) {
      header("assistant", to);
    }
  }
  AnswerForm answer_form(const Tokenizer& tokenizer) const override {
    return {.end = tokenizer.special("<|eot_id|>")};
  }

 private:
  static constexpr const char* kDates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";

  static void header(std::string_view role, PromptWriter& to) {
    to.special("<|start_header_id|>");
    to.text(role);
    to.special("<|end_header_id|>");
    to.text("\n\n");
  }
  static void turn(std::string_view role, std::string_view content, PromptWriter& to) {
    header(role, to);
    to.text(content);
    to.special("<|eot_id|>");
  }

  bool with_dates_;
};

class Llama2Form final : public ChatForm {
 public:
  void write(const std::vector<ChatMessage>& messages, bool /*add_generation_prompt*/,
             PromptWriter& to) const override {
    const TokenId bos = needed(to.tokenizer().bos(), "bos", "llama2");
    const TokenId eos = needed(to.tokenizer().eos(), "eos", "llama2");
    const std::size_t first = begins_with_system(messages) ? 1 : 0;
    for (std::size_t i = first; i < messages.size(); ++i) {
      const bool users = (i - first) % 2 == 0;
      check_turn(messages[i].role, users ? "user" : "assistant");
      const bool in_system = first == 1 && i == 1;
      const std::string system =
          in_system ? "<<SYS>>\n" + messages.front().content + "\n<</SYS>>\n\n" : std::string();
      const std::string text = system + messages[i].content;
      if (users) {
        to.token(bos);
        to.text("[INST] " + std::string(trim(text)) + " [/INST]");
      } else {
        to.text(" " + std::string(trim(text)) + " ");
        to.token(eos);
      }
    }
  }
  AnswerForm answer_form(const Tokenizer& tokenizer) const override {
    return {.end = needed(tokenizer.eos(), "eos", "llama2"), .before = " "};
  }

 private:
  static void check_turn(const std::string& role, std::string_view wanted) {
    if (role != wanted) {
      throw_<ConfigError>(
          "With the chat template llama2, turns must alternate between user and assistant, after at most one "
          "system turn, but there is `{}` instead of `{}`.",
          role, wanted);
    }
  }
};

/// The template of Zephyr and TinyLlama's chat models.
class ZephyrForm final : public ChatForm {
 public:
  void write(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
             PromptWriter& to) const override {
    for (const ChatMessage& message : messages) {
      to.text("<|" + message.role + "|>\n" + message.content);
      to.token(needed(to.tokenizer().eos(), "eos", "zephyr"));
      to.text("\n");
    }
    if (add_generation_prompt && !messages.empty()) {
      to.text("<|assistant|>\n");
    }
  }
  AnswerForm answer_form(const Tokenizer& tokenizer) const override {
    return {.end = needed(tokenizer.eos(), "eos", "zephyr")};
  }
};

struct Named {
  std::string_view name;
  std::shared_ptr<const ChatForm> (*make)();
};

constexpr std::array<Named, 5> kForms = {{
    {"chatml", [] { return chatml_form(""); }},
    {"llama2", llama2_form},
    {"llama3", [] { return llama3_form(/*with_dates=*/false); }},
    {"llama31", [] { return llama3_form(/*with_dates=*/true); }},
    {"zephyr", zephyr_form},
}};

}  // namespace

std::shared_ptr<const ChatForm> chatml_form(std::string default_system) {
  return std::make_shared<const ChatMl>(std::move(default_system));
}

std::shared_ptr<const ChatForm> llama3_form(bool with_dates) {
  return std::make_shared<const Llama3Form>(with_dates);
}

std::shared_ptr<const ChatForm> llama2_form() {
  return std::make_shared<const Llama2Form>();
}

std::shared_ptr<const ChatForm> zephyr_form() {
  return std::make_shared<const ZephyrForm>();
}

std::shared_ptr<const ChatForm> form_named(std::string_view name) {
  for (const Named& form : kForms) {
    if (form.name == name) {
      return form.make();
    }
  }
  return nullptr;
}

std::string form_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kForms));
  for (const Named& form : kForms) {
    names.push_back(form.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace routedk::text
