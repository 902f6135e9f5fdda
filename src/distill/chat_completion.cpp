#include "routedk/distill/chat_completion.h"

#include "routedk/io/parse_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace routedk::distill {
namespace {

constexpr std::size_t kBytesPerToken = 4;

/// A member that exists and is not null; otherwise nullptr.
const io::Json* member(const io::Json& object, const char* name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_member(const io::Json& object, const char* name) {
  const io::Json* found = member(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

/// A count in `usage`; 0 if missing. No reply has more than 2^40 tokens.
std::int64_t usage_count(const io::Json& json, const char* name) {
  const io::Json* usage = member(json, "usage");
  const io::Json* count = usage == nullptr ? nullptr : member(*usage, name);
  if (count == nullptr || !count->is_number()) {
    return 0;
  }
  constexpr double kMost = 1LL << 40;
  const auto number = count->get<double>();
  return std::isfinite(number) ? static_cast<std::int64_t>(std::clamp(number, 0.0, kMost)) : 0;
}

struct Content {
  std::string text;
  std::size_t thinking = 0;  ///< bytes
  std::string refusal;
};

/// A part of a content list: {"type": "text", "text": ...}, thinking, or a refusal.
void add_part(const io::Json& part, Content& content) {
  if (part.is_string()) {
    content.text += part.get<std::string>();
    return;
  }
  const std::string type = text_member(part, "type");
  if (type.empty() || type == "text" || type == "output_text") {
    content.text += text_member(part, "text");
  } else if (type == "refusal") {
    content.refusal = text_member(part, "refusal");
  } else {
    content.thinking += part.dump(-1, ' ', false, io::Json::error_handler_t::replace).size();
  }
}

Content content_of(const io::Json& message) {
  Content content;
  content.refusal = text_member(message, "refusal");
  for (const char* name : {"reasoning_content", "reasoning"}) {
    content.thinking += text_member(message, name).size();
  }
  const io::Json* held = member(message, "content");
  if (held != nullptr && held->is_array()) {
    for (const io::Json& part : *held) {
      add_part(part, content);
    }
  } else if (held != nullptr && held->is_string()) {
    content.text = held->get<std::string>();
  } else if (held != nullptr) {
    throw NoCompletion{"a message's content must be a text or a list of parts, but is " +
                       std::string(held->type_name())};
  }
  return content;
}

/// Why a message has no text.
std::string problem_of(const io::Json& message, const Content& content, const std::string& reason) {
  for (const char* name : {"tool_calls", "function_call"}) {
    if (const io::Json* calls = member(message, name); calls != nullptr && !calls->empty()) {
      return "the model calls tools instead of replying in text";
    }
  }
  if (!content.refusal.empty()) {
    return fmt::format("the model refuses: {}", displayed(content.refusal, 200));
  }
  if (reason == "content_filter") {
    return "the endpoint's filter withheld the reply";
  }
  return fmt::format("the reply holds no text{}{}", content.thinking > 0 ? ", only thinking" : "",
                     reason.empty() ? "" : fmt::format(" (finish_reason `{}`)", displayed(reason, 40)));
}

std::size_t bytes_of(const ChatRequest& request) {
  std::size_t bytes = 0;
  for (const text::ChatMessage& message : request.messages) {
    bytes += message.content.size();
  }
  return bytes;
}

void count_tokens(const io::Json& json, const ChatRequest& request, const Content& content,
                  ChatReply& reply) {
  reply.prompt_tokens = usage_count(json, "prompt_tokens");
  reply.completion_tokens = usage_count(json, "completion_tokens");
  const std::int64_t total = usage_count(json, "total_tokens");
  if (reply.completion_tokens == 0) {
    reply.completion_tokens = total > reply.prompt_tokens && reply.prompt_tokens > 0
                                  ? total - reply.prompt_tokens
                                  : estimated_tokens(content.text.size() + content.thinking);
    reply.estimated = true;
  }
  if (reply.prompt_tokens == 0) {
    reply.prompt_tokens = std::max(estimated_tokens(bytes_of(request)), total - reply.completion_tokens);
    reply.estimated = true;
  }
}

/// Throws the message of an error inside a body, and its code if it is a number.
[[noreturn]] void throw_error(const io::Json& error, const std::string& body) {
  const io::Json* code = member(error, "code");
  const bool is_number = code != nullptr && code->is_number_integer();
  const std::string words = endpoint_words(error.is_object() || error.is_string() ? error.dump() : body);
  throw NoCompletion{words.empty() ? "an error without words" : words, is_number ? code->get<long>() : 0};
}

const io::Json& choice_in(const io::Json& json, const std::string& body) {
  const io::Json* error = member(json, "error");
  const io::Json* choices = member(json, "choices");
  const bool has_choice = choices != nullptr && choices->is_array() && !choices->empty();
  if (error != nullptr && !has_choice) {
    throw_error(*error, body);
  }
  if (!has_choice) {
    const std::string words = endpoint_words(body);
    throw NoCompletion{"it has no `choices`" + (words.empty() ? "" : ": " + words)};
  }
  if (const io::Json* own = member(choices->front(), "error")) {
    throw_error(*own, body);
  }
  return choices->front();
}

}  // namespace

std::int64_t estimated_tokens(std::size_t bytes) noexcept {
  return static_cast<std::int64_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
}

ChatReply chat_reply(const std::string& body, const ChatRequest& request) {
  io::Json json;
  try {
    json = io::parse_json(body, "the response");
  } catch (const FileError&) {  // its message may quote the response, and so the key
    throw NoCompletion{"it is no JSON, or repeats a key"};
  }
  const io::Json& choice = choice_in(json, body);
  const io::Json* message = member(choice, "message");
  if (message == nullptr || !message->is_object()) {
    throw NoCompletion{"its first choice has no message"};
  }
  const Content content = content_of(*message);
  const std::string reason = text_member(choice, "finish_reason");
  ChatReply reply;
  reply.text = content.text;
  reply.finished = reason != "length" && reason != "max_tokens";
  if (content.text.find_first_not_of(" \t\r\n") == std::string::npos && reply.finished) {
    reply.problem = problem_of(*message, content, reason);
  }
  count_tokens(json, request, content, reply);
  return reply;
}

}  // namespace routedk::distill
