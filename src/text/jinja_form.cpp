#include "routedk/core/child_process.h"
#include "routedk/core/error.h"
#include "routedk/text/utf8.h"

#include <algorithm>
#include <utility>

#include "chat_form.h"
#include "jinja.h"
#include "trim.h"

namespace routedk::text {
namespace {

constexpr ChildLimits kLimits;
constexpr const char* kProbe = "An answer";

/// One of Unicode's noncharacters, U+FDD0 to U+FDEF, that is in none of the messages.
std::string unused_mark(const std::vector<ChatMessage>& messages) {
  for (unsigned char last = 0x90; last < 0xB0; ++last) {
    std::string mark = {'\xEF', '\xB7', static_cast<char>(last)};
    const auto holds = [&](const ChatMessage& message) {
      return message.content.find(mark) != std::string::npos;
    };
    if (std::none_of(messages.begin(), messages.end(), holds)) {
      return mark;
    }
  }
  throw_<ConfigError>(
      "Messages must leave one of the noncharacters U+FDD0 to U+FDEF unused, but hold them all.");
}

std::string without(std::string_view mark, std::string_view text) {
  std::string result(text);
  for (std::size_t at = result.find(mark); at != std::string::npos; at = result.find(mark, at)) {
    result.erase(at, mark.size());
  }
  return result;
}

/// The spelling of a token, or nothing.
std::string spelled(const Tokenizer& tokenizer, TokenId id) {
  return id == kNoToken ? "" : tokenizer.decode(std::vector<TokenId>{id}, /*with_special=*/true);
}

class JinjaForm final : public ChatForm {
 public:
  JinjaForm(std::string text, std::string source) : text_(std::move(text)), source_(std::move(source)) {}

  /// While a message goes through the template, a mark splits any spelling of a special token in it.
  void write(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
             PromptWriter& to) const override {
    const std::string mark = unused_mark(messages);
    std::vector<ChatMessage> marked = messages;
    for (ChatMessage& message : marked) {
      message.content = to.tokenizer().broken(repair_utf8(message.content), mark);
    }
    const std::string text = render(to.tokenizer(), std::move(marked), add_generation_prompt);
    for (const Fragment& fragment : to.tokenizer().cut(text)) {
      if (fragment.token == kNoToken) {
        to.text(without(mark, fragment.text));
      } else {
        to.token(fragment.token);
      }
    }
  }

  AnswerForm answer_form(const Tokenizer& tokenizer) const override {
    const ChatMessage question{"user", "A question"};
    const std::string prompt = render(tokenizer, {question}, true);
    const std::string whole = render(tokenizer, {question, {"assistant", kProbe}}, false);
    const std::size_t at = whole.rfind(kProbe);
    if (at == std::string::npos) {
      refuse("include the assistant's message", "does not");
    }
    AnswerForm form;
    form.end = end_after(tokenizer, std::string_view(whole).substr(at + std::string_view(kProbe).size()));
    form.place = ends_with_special(tokenizer, prompt) ? Place::kAfterSpecial : Place::kInside;
    if (whole.starts_with(prompt) && prompt.size() <= at) {
      const std::string between = whole.substr(prompt.size(), at - prompt.size());
      form.before = trim(between).empty() ? between : "";
    }
    return form;
  }

 private:
  std::string render(const Tokenizer& tokenizer, std::vector<ChatMessage> messages,
                     bool add_generation_prompt) const {
    const JinjaInput input{std::move(messages), add_generation_prompt, spelled(tokenizer, tokenizer.bos()),
                           spelled(tokenizer, tokenizer.eos())};
    const ChildResult result = run_in_child(kLimits, [&] { return render_jinja(text_, input); });
    if (!result.output) {
      refuse("render the messages", result.error.empty()
                                        ? fmt::format("takes more than {} s, {} MiB or the stack, or crashes",
                                                      kLimits.seconds, kLimits.memory_bytes >> 20U)
                                        : "fails: " + result.error.substr(0, result.error.find('\n')));
    }
    return *result.output;
  }

  TokenId end_after(const Tokenizer& tokenizer, std::string_view rest) const {
    for (const Fragment& fragment : tokenizer.cut(rest)) {
      if (fragment.token != kNoToken) {
        return fragment.token;
      }
    }
    if (tokenizer.eos() == kNoToken) {
      refuse("end the assistant's turn with a special token, or the model must define an eos token",
             "neither does");
    }
    return tokenizer.eos();
  }

  static bool ends_with_special(const Tokenizer& tokenizer, std::string_view prompt) {
    bool special = false;
    for (const Fragment& fragment : tokenizer.cut(prompt)) {
      special = fragment.text.empty() ? special : fragment.token != kNoToken;
    }
    return special;
  }

  [[noreturn]] void refuse(std::string_view rule, const std::string& found) const {
    throw_<ConfigError>(
        "The chat template of {} must {}, but {}; set `model.chat` to one of {}, or to a file.", source_,
        rule, found, form_names());
  }

  std::string text_;
  std::string source_;
};

}  // namespace

std::shared_ptr<const ChatForm> jinja_form(std::string text, std::string source) {
  return std::make_shared<const JinjaForm>(std::move(text), std::move(source));
}

}  // namespace routedk::text
