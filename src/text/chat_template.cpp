#include "routedk/text/chat_template.h"

#include "routedk/core/error.h"

#include <array>

namespace routedk::text {
namespace {

// The ChatML template of SmolLM2's files, on both sides of its default system text.
constexpr std::string_view kBeforeSystem =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n";
constexpr std::string_view kAfterSystem =
    "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + "
    "'\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
constexpr std::string_view kStart = "<|im_start|>";
constexpr std::string_view kEnd = "<|im_end|>";
constexpr std::size_t kShown = 60;

void check_role(const std::string& role) {
  for (const std::string_view known : {"system", "user", "assistant"}) {
    if (role == known) {
      return;
    }
  }
  throw_<ConfigError>("A message's role must be system, user or assistant, but is `{}`.", role);
}

class Writer {
 public:
  explicit Writer(const Tokenizer& tokenizer)
      : tokenizer_(tokenizer), start_(tokenizer.special(kStart)), end_(tokenizer.special(kEnd)) {}

  /// Role and content are one text, as the template has them, since tokens may cross the newline between.
  void open(std::string_view role, std::string_view content) {
    ids_.push_back(start_);
    add_text(std::string(role) + "\n" + std::string(content));
  }
  void close() {
    ids_.push_back(end_);
    add_text("\n");
  }
  std::vector<TokenId> take() { return std::move(ids_); }

 private:
  void add_text(const std::string& text) {
    const std::vector<TokenId> ids = tokenizer_.encode(text);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

  const Tokenizer& tokenizer_;
  TokenId start_;
  TokenId end_;
  std::vector<TokenId> ids_;
};

}  // namespace

ChatTemplate ChatTemplate::parse(std::string_view source) {
  std::string_view system = source;
  bool known = system.starts_with(kBeforeSystem) && system.ends_with(kAfterSystem) &&
               system.size() >= kBeforeSystem.size() + kAfterSystem.size();
  if (known) {
    system.remove_prefix(kBeforeSystem.size());
    system.remove_suffix(kAfterSystem.size());
    known = system.find_first_of("'\\") == std::string_view::npos;
  }
  if (!known) {
    throw_<ConfigError>(
        "`tokenizer.chat_template` must be the ChatML template with a default system turn, "
        "but is another one, which begins `{}`.",
        source.substr(0, kShown));
  }
  ChatTemplate parsed;
  parsed.default_system_ = system;
  parsed.end_of_turn_ = kEnd;
  return parsed;
}

ChatTemplate ChatTemplate::from_gguf(const io::GgufFile& file) {
  return parse(file.text("tokenizer.chat_template"));
}

std::vector<TokenId> ChatTemplate::encode(const Tokenizer& tokenizer,
                                          const std::vector<ChatMessage>& messages,
                                          bool add_generation_prompt) const {
  Writer writer(tokenizer);
  if (!messages.empty() && messages.front().role != "system") {
    writer.open("system", default_system_);
    writer.close();
  }
  for (const ChatMessage& message : messages) {
    check_role(message.role);
    writer.open(message.role, message.content);
    writer.close();
  }
  if (add_generation_prompt) {
    writer.open("assistant", "");
  }
  return writer.take();
}

TokenId ChatTemplate::end_of_turn(const Tokenizer& tokenizer) const {
  return tokenizer.special(end_of_turn_);
}

}  // namespace routedk::text
