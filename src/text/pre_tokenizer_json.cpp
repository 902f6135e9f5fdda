#include "pre_tokenizer_json.h"

#include "split_patterns.h"

namespace routedk::text {
namespace {

std::string read_split(const JsonField& step) {
  if (!step["behavior"].is("Isolated")) {
    step["behavior"].refuse(R"(be "Isolated")");
  }
  if (step["invert"].flag(false)) {
    step["invert"].refuse("be false");
  }
  const JsonField regex = step["pattern"]["Regex"];
  const auto pattern = pcre_pattern(regex.text());
  if (!pattern) {
    regex.refuse(
        R"(keep to literals, classes, \s, \S, \d, \p{..}, groups and repetitions of single characters)");
  }
  return *pattern;
}

void read_byte_level(const JsonField& step, std::vector<std::string>& patterns) {
  if (step["add_prefix_space"].flag(true)) {
    step["add_prefix_space"].refuse("be false");
  }
  if (step["use_regex"].flag(true)) {
    patterns.push_back(gpt2_pattern());
  }
}

void read_step(const JsonField& step, bool last, std::vector<std::string>& patterns) {
  const JsonField type = step["type"];
  if (type.is("ByteLevel") && last) {
    read_byte_level(step, patterns);
  } else if (type.is("Split") && !last) {
    patterns.push_back(read_split(step));
  } else if (type.is("Digits") && !last) {
    patterns.emplace_back(step["individual_digits"].flag(false) ? R"(\p{N})" : R"(\p{N}+)");
  } else {
    type.refuse(last ? R"(be "ByteLevel" in the last step)"
                     : R"(be "Split" or "Digits" before the last step)");
  }
}

}  // namespace

std::vector<std::string> read_pre_tokenizer(const JsonField& field) {
  std::vector<std::string> patterns;
  if (field.absent() || !field["type"].is("Sequence")) {
    if (field.absent()) {
      field.refuse("end with ByteLevel");
    }
    read_step(field, /*last=*/true, patterns);
  } else {
    const JsonField steps = field["pretokenizers"];
    if (steps.size() == 0) {
      steps.refuse("end with ByteLevel");
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
      read_step(steps.item(i), i + 1 == steps.size(), patterns);
    }
  }
  if (patterns.empty()) {
    field.refuse("split the text by an expression");
  }
  return patterns;
}

}  // namespace routedk::text
