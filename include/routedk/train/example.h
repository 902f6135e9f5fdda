/// What the trainer learns from: token ids, nothing about bundles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::train {

struct Example {
  std::vector<std::int32_t> prompt;  ///< what the model reads; at least one token
  std::vector<std::int32_t> answer;  ///< what it learns to write, end of turn included; at least one token
  int group = 0;                     ///< index of the parameter group that learns from it
  std::uint64_t key = 0;             ///< names the example: dropout masks and error messages
  std::string source = {};           ///< where it comes from, for the user: "own.jsonl:3"; may be empty

  std::int64_t tokens() const noexcept { return static_cast<std::int64_t>(prompt.size() + answer.size()); }
};

/// DataError that counts the examples of more than `context` tokens and names the first of them; `what` says
/// what they are for: "training", "validation".
void require_within_context(const std::vector<Example>& examples, std::int64_t context,
                            const std::string& what);

}  // namespace routedk::train
