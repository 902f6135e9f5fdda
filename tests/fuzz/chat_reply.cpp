#include "routedk/bundle/answer.h"
#include "routedk/core/files.h"
#include "routedk/distill/chat_completion.h"
#include "routedk/distill/key_cover.h"
#include "routedk/distill/rule_lines.h"
#include "routedk/distill/thinking.h"

#include "must.h"
#include "targets.h"

namespace routedk::fuzz {

/// What a dialogue makes of a response's body.
void chat_reply(const std::filesystem::path& file) {
  static const distill::KeyCover cover("sk-0123456789abcdef");
  const std::string body = read_file(file);
  std::string text = distill::endpoint_words(body);
  try {
    const distill::ChatReply reply = distill::chat_reply(body, {{{"user", "Which belong together?"}}});
    must(reply.prompt_tokens >= 0 && reply.completion_tokens >= 0);
    text = reply.text;
  } catch (const distill::NoCompletion& none) {
    throw FileError(none.words);
  }
  const std::string covered = cover.cover(text);
  must(covered.find("sk-0123456789abcdef") == std::string::npos);
  const std::string said = distill::without_thinking(covered).value_or("");
  distill::rules_in(said, 5);
  distill::names_product_numbers(said);
  if (const auto answer = bundle::parse_answer(said, 7)) {
    must(bundle::parse_answer(bundle::canonical_answer(*answer), 7).has_value());
  }
}

}  // namespace routedk::fuzz
