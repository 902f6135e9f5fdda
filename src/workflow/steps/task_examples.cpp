#include "routedk/workflow/steps/task_examples.h"

#include "routedk/core/error.h"
#include "routedk/io/json_field.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using io::JsonField;
using Turns = std::vector<text::ChatMessage>;

std::string filled(const JsonField& field) {
  field.require(!field.text().empty(), "be a text that is not empty");
  return field.text();
}

/// Throws if the line has keys other than these, `expert` and `reference`.
void allow_only(const JsonField& line, std::vector<std::string> keys) {
  keys.insert(keys.end(), {"expert", "reference"});
  line.allow_only(keys);
}

Turns of_prompt(const JsonField& line) {
  allow_only(line, {"prompt", "completion"});
  return {{"user", filled(line["prompt"])}, {"assistant", filled(line["completion"])}};
}

Turns of_instruction(const JsonField& line) {
  allow_only(line, {"instruction", "input", "output"});
  std::string user = filled(line["instruction"]);
  if (const std::string input = line["input"].text_or(""); !input.empty()) {
    user += "\n\n" + input;
  }
  return {{"user", user}, {"assistant", filled(line["output"])}};
}

Turns of_messages(const JsonField& line) {
  allow_only(line, {"messages"});
  Turns turns;
  bool users = true;  // whether the next turn is the user's
  for (const JsonField& message : line["messages"].items()) {
    message.allow_only({"role", "content"});
    const JsonField role = message["role"];
    role.choice({"system", "user", "assistant"});
    if (!turns.empty() || !role.is("system")) {
      role.require(role.is(users ? "user" : "assistant"),
                   fmt::format("be {} here, since user and assistant take turns after at most one of system",
                               users ? "user" : "assistant"));
      users = !users;
    }
    turns.push_back({role.text(), filled(message["content"])});
  }
  line["messages"].require(!turns.empty() && turns.back().role == "assistant",
                           "end with a turn of the assistant");
  return turns;
}

Turns turns_of(const JsonField& line) {
  const auto has = [&](const char* key) { return !line[key].absent(); };
  if (has("prompt") || has("completion")) {
    return of_prompt(line);
  }
  if (has("instruction") || has("output")) {
    return of_instruction(line);
  }
  if (!has("messages")) {
    line.refuse("have prompt and completion, or instruction and output, or messages");
  }
  return of_messages(line);
}

std::vector<std::string> references_of(const JsonField& given) {
  if (given.value().is_string()) {
    return {filled(given)};
  }
  given.require(given.value().is_array() && !given.value().empty(), "be a text or a list of texts");
  std::vector<std::string> references;
  for (const JsonField& one : given.items()) {
    references.push_back(filled(one));
  }
  return references;
}

std::vector<TaskExample> examples_of(const JsonField& line, std::int64_t number,
                                     const std::vector<std::string>& experts, TurnLoss loss) {
  const Turns turns = turns_of(line);
  const JsonField expert = line["expert"];
  const std::string name = expert.absent() ? "" : experts[expert.choice(experts)];
  std::vector<TaskExample> examples;
  std::int64_t turn = 0;
  for (auto at = turns.begin(); at != turns.end(); ++at) {
    const bool last = at + 1 == turns.end();
    turn += at->role == "assistant" ? 1 : 0;
    if (at->role == "assistant" && (last || loss == TurnLoss::kAllTurns)) {
      const std::string where = turn == 1 ? line.source() : fmt::format("{} turn {}", line.source(), turn);
      examples.push_back({{turns.begin(), at}, at->content, name, number, turn, where, {at->content}});
    }
  }
  if (const JsonField given = line["reference"]; !given.absent()) {
    examples.back().references = references_of(given);
  }
  return examples;
}

}  // namespace

std::vector<TaskExample> read_task_examples(const std::filesystem::path& file,
                                            const std::vector<std::string>& experts, TurnLoss loss) {
  std::vector<TaskExample> examples;
  io::read_jsonl(file, [&](const io::Json& line, std::int64_t number) {
    const JsonField field(line, fmt::format("{}:{}", file.string(), number));
    auto more = examples_of(field, number, experts, loss);
    std::move(more.begin(), more.end(), std::back_inserter(examples));
  });
  if (examples.empty()) {
    throw_<DataError>("a file of examples must have at least 1 line, but has 0 ({})", file.string());
  }
  return examples;
}

}  // namespace routedk::workflow
