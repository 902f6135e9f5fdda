/// The cost of a teacher's replies, written to disk as each arrives: a reply to a dialogue that was killed
/// has no record in the store, but has been paid for.
#pragma once

#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace routedk::distill {

struct TokenCounts {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
};

/// The file next to a knowledge store: "knowledge.spent.jsonl" for "knowledge.jsonl".
std::filesystem::path spent_file(const std::filesystem::path& store);

/// Tokens of all replies that went into this knowledge store or were lost. A store without the file, as
/// written by earlier versions, counts the tokens in its records.
TokenCounts spent_on(const std::filesystem::path& store);

class Spending {
 public:
  /// Counts only in memory, from 0.
  Spending() = default;
  /// Continues from spent_on(store); the store's spent_file has one line {"prompt_tokens",
  /// "completion_tokens"} per reply.
  explicit Spending(const std::filesystem::path& store);

  /// Counts a reply; it is on disk once this returns.
  void add(const TokenCounts& reply);
  const TokenCounts& total() const noexcept { return total_; }

 private:
  TokenCounts total_;
  std::unique_ptr<io::JsonlWriter> file_;
};

}  // namespace routedk::distill
