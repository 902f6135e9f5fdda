/// The thinking of reasoning models, which is no part of what they reply.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace routedk::distill {

/// The reply without what stands between <think> and </think> and the like, whatever their case; where only
/// the closing mark is there, because the chat template holds the opening one, without all before it. Of
/// OpenAI's harmony format the final channel. Nothing where the thinking has no end.
std::optional<std::string> without_thinking(std::string_view reply);

}  // namespace routedk::distill
