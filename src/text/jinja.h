/// Jinja through minja, whose header is slow to compile and is included by one source file only.
#pragma once

#include "routedk/text/chat_template.h"

#include <string>
#include <vector>

namespace routedk::text {

/// The inputs of a chat template, with transformers' names. There are no `tools` and `documents`;
/// `date_string` and strftime_now give 26 July 2024, so that prompts do not change with the date.
struct JinjaInput {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = false;
  std::string bos_token;
  std::string eos_token;
};

/// Renders a template, with blocks trimmed as in transformers. std::exception gives the reason of a failure.
/// A template may loop and recurse without end: call it in a process with limits.
std::string render_jinja(const std::string& source, const JinjaInput& input);

}  // namespace routedk::text
