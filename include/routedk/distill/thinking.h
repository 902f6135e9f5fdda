/// Removes the thinking of reasoning models from their replies.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace routedk::distill {

/// The reply without the text between <think> and </think> and similar marks, in any case; if only the
/// closing mark is present, because the chat template has the opening one, without everything before it. For
/// OpenAI's harmony format, the final channel. Empty if the thinking does not end.
std::optional<std::string> without_thinking(std::string_view reply);

}  // namespace routedk::distill
