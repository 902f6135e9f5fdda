#include "pre_tokenizer_json.h"

#include "split_patterns.h"

namespace routedk::text {
namespace {

std::string read_split(const JsonField& step) {
  step["behavior"].require(step["behavior"].is("Isolated"), R"(be "Isolated")");
  step["invert"].require(!step["invert"].boolean(false), "be false");
  const JsonField regex = step["pattern"]["Regex"];
  const auto pattern = pcre_pattern(regex.text());
  if (!pattern) {
    regex.refuse(
        R"(keep to literals, classes, \s, \S, \d, \p{..}, groups and repetitions of single characters)");
  }
  return *pattern;
}

void read_byte_level(const JsonField& step, std::vector<std::string>& patterns) {
  step["add_prefix_space"].require(!step["add_prefix_space"].boolean(true), "be false");
  if (step["use_regex"].boolean(true)) {
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
    patterns.emplace_back(step["individual_digits"].boolean(false) ? R"(\p{N})" : R"(\p{N}+)");
  } else {
    type.refuse(last ? R"(be "ByteLevel" in the last step)"
                     : R"(be "Split" or "Digits" before the last step)");
  }
}

}  // namespace

std::vector<std::string> read_pre_tokenizer(const JsonField& field) {
  std::vector<std::string> patterns;
  if (field.absent() || !field["type"].is("Sequence")) {
    field.require(!field.absent(), "end with ByteLevel");
    read_step(field, /*last=*/true, patterns);
  } else {
    const std::vector<JsonField> steps = field["pretokenizers"].items();
    field["pretokenizers"].require(!steps.empty(), "end with ByteLevel");
    for (std::size_t i = 0; i < steps.size(); ++i) {
      read_step(steps[i], i + 1 == steps.size(), patterns);
    }
  }
  field.require(!patterns.empty(), "have a Split with an expression");
  return patterns;
}

}  // namespace routedk::text
