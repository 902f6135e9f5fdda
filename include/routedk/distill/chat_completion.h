/// Responses of endpoints: chat completions in their various forms, and errors.
#pragma once

#include "routedk/core/error.h"
#include "routedk/distill/chat_model.h"

#include <string>

namespace routedk::distill {

/// A body that is not a chat completion.
struct NoCompletion {
  std::string words;  ///< the endpoint's message, or what is wrong with the body
  long status = 0;    ///< the code of an error inside the body; 0 without
};

/// The reply in the body of a response with status 200; throws NoCompletion. Content may be a text or a list
/// of parts, of which text counts and thinking does not. A message without text has a `problem`: a refusal, a
/// tool call, a filter, or nothing; if cut off by the token limit it is only unfinished. Missing or zero
/// usage is estimated from the text of `request` and of the message including its thinking.
ChatReply chat_reply(const std::string& body, const ChatRequest& request);

/// The message in an error's body, on one line; "" if there is none. Recognises `error`, `message`, `detail`,
/// `errors`, `msg` and the like, nested and in lists, with the location (`loc`) and parameter (`param`) that
/// they name; otherwise returns the text itself, without HTML tags.
std::string endpoint_words(const std::string& body);

/// Estimates the number of tokens in a text of this many bytes: one per 4.
std::int64_t estimated_tokens(std::size_t bytes) noexcept;

}  // namespace routedk::distill
