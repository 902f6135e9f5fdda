/// Jinja, by minja, whose header takes long to compile and stands in one source file alone.
#pragma once

#include "routedk/text/chat_template.h"

#include <string>
#include <vector>

namespace routedk::text {

/// What a chat template sees, under the names that transformers gives it. `tools` and `documents` are none;
/// `date_string` and what strftime_now gives are of 26 July 2024, so that prompts do not change with the day.
struct JinjaInput {
  std::vector<ChatMessage> messages;
  bool add_generation_prompt = false;
  std::string bos_token;
  std::string eos_token;
};

/// The text that a template makes, blocks trimmed as transformers has it. std::exception says what is wrong.
/// A template may loop and recurse without end: for a process with limits.
std::string render_jinja(const std::string& source, const JinjaInput& input);

}  // namespace routedk::text
