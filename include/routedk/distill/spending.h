/// What a teacher's replies have cost, on disk as soon as each is there: a reply to a dialogue that a kill
/// ended has no record in the store, but is paid for.
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

/// What lies beside a knowledge store: of "knowledge.jsonl" "knowledge.spent.jsonl".
std::filesystem::path spent_file(const std::filesystem::path& store);

/// Tokens of all replies that went into this knowledge store or were lost on the way. A store without the
/// file beside it, which earlier versions wrote, counts with its records.
TokenCounts spent_on(const std::filesystem::path& store);

class Spending {
 public:
  /// Counts in memory alone, from 0.
  Spending() = default;
  /// Continues from spent_on(store); "knowledge.jsonl" has its lines {"prompt_tokens", "completion_tokens"}
  /// in its spent_file, a line a reply.
  explicit Spending(const std::filesystem::path& store);

  /// Counts a reply; it is on disk when this returns.
  void add(const TokenCounts& reply);
  const TokenCounts& total() const noexcept { return total_; }

 private:
  TokenCounts total_;
  std::unique_ptr<io::JsonlWriter> file_;
};

}  // namespace routedk::distill
