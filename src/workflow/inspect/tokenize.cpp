#include "routedk/workflow/inspect/tokenize.h"

#include "routedk/core/error.h"
#include "routedk/io/json_field.h"
#include "routedk/io/jsonl.h"
#include "routedk/text/chat_template.h"
#include "routedk/text/tokenizer.h"

#include <optional>
#include <vector>

namespace routedk::workflow {
namespace {

constexpr const char* kTextSource = "standard input";

std::string text_of(const io::Json& record, std::int64_t line) {
  if (!record.is_object() || !record.contains("text") || !record["text"].is_string()) {
    throw_<DataError>(
        "A record must be an object with a string `text`, or with `messages`, but is `{}` ({}:{}).",
        record.dump().substr(0, 60), kTextSource, line);
  }
  return record["text"].get<std::string>();
}

std::vector<text::ChatMessage> messages_of(const io::JsonField& field) {
  std::vector<text::ChatMessage> messages;
  for (const io::JsonField& message : field.items()) {
    messages.push_back({message["role"].text(), message["content"].text()});
  }
  return messages;
}

class Encoder {
 public:
  explicit Encoder(const TokenizeOptions& options)
      : options_(options), tokenizer_(text::Tokenizer::load(options.model)) {}

  std::vector<text::TokenId> ids_of(const io::Json& record, std::int64_t line) {
    if (record.is_object() && record.contains("messages")) {
      const io::JsonField root(record, fmt::format("{}:{}", kTextSource, line));
      return chat().encode(tokenizer_, messages_of(root["messages"]),
                           root["add_generation_prompt"].boolean(true));
    }
    const std::string text = text_of(record, line);
    return options_.special ? tokenizer_.encode_with_special(text) : tokenizer_.encode(text);
  }

 private:
  const text::ChatTemplate& chat() {
    if (!chat_) {
      chat_ = options_.chat.empty() ? text::ChatTemplate::load(options_.model)
                                    : text::ChatTemplate::named(options_.chat);
    }
    return *chat_;
  }

  const TokenizeOptions& options_;
  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_;
};

}  // namespace

void tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out) {
  Encoder encoder(options);
  io::read_jsonl(in, kTextSource, [&](const io::Json& record, std::int64_t line) {
    out << io::Json{{"ids", encoder.ids_of(record, line)}}.dump() << '\n';
  });
  out.flush();
}

}  // namespace routedk::workflow
