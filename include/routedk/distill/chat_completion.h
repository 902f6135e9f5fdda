/// What endpoints answer: chat completions in the forms that they come in, and their errors.
#pragma once

#include "routedk/core/error.h"
#include "routedk/distill/chat_model.h"

#include <string>

namespace routedk::distill {

/// A body that is no chat completion.
struct NoCompletion {
  std::string words;  ///< what the endpoint says, or what is wrong with the body
  long status = 0;    ///< the code that an error inside the body bears; 0 without
};

/// The reply in the body of a response with status 200; throws NoCompletion. Content may be a text or a list
/// of parts, of which those of text count and those of thinking don't. A message without text has a
/// `problem`: a refusal, a call of tools, a filter, or nothing; cut off by the limit of tokens it is only not
/// finished. Usage that is missing or 0 is estimated from the text, of `request` and of the message with its
/// thinking.
ChatReply chat_reply(const std::string& body, const ChatRequest& request);

/// What an error's body says, on one line; "" where it says nothing. Known: `error`, `message`, `detail`,
/// `errors`, `msg` and their like, nested and in lists, with the place (`loc`) and the parameter (`param`)
/// that they name; otherwise the text itself, without the tags of a page.
std::string endpoint_words(const std::string& body);

/// Tokens of so many bytes of text, where nobody counts them: one for 4.
std::int64_t estimated_tokens(std::size_t bytes) noexcept;

}  // namespace routedk::distill
