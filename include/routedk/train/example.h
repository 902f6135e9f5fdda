/// A training example: token ids, independent of bundles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::train {

struct Example {
  std::vector<std::int32_t> prompt;  ///< what the model reads; at least one token
  std::vector<std::int32_t> answer;  ///< what it learns to write, end of turn included; at least one token
  int group = 0;                     ///< index of the parameter group that learns from it
  std::uint64_t key = 0;             ///< identifies the example in dropout masks and errors
  std::string source = {};           ///< its origin, for the user: "own.jsonl:3"; may be empty

  std::int64_t tokens() const noexcept { return static_cast<std::int64_t>(prompt.size() + answer.size()); }
};

/// DataError with the number of examples of more than `context` tokens and the name of the first; `what`
/// describes the examples: "training", "validation".
void require_within_context(const std::vector<Example>& examples, std::int64_t context,
                            const std::string& what);

}  // namespace routedk::train
