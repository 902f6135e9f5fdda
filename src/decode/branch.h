/// Samples with the same tokens so far, and how their answer grows.
#pragma once

#include "routedk/decode/generation.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::decode {

/// Samples of a prompt with the same tokens so far.
struct Branch {
  std::size_t prompt = 0;
  std::vector<std::int64_t> samples;
  Candidate candidate;
  text::TokenAutomaton::State state = 0;
  std::int64_t slot = 0;             ///< where the cache keeps its own tokens
  std::int64_t kept = 0;             ///< own tokens in the cache
  std::vector<text::TokenId> chunk;  ///< drawn or forced, not yet fed
  bool ends = false;                 ///< the chunk is followed by a forced end of turn
};

/// Logits of the token after each of some rows; they remain on their device.
class NextTokenLogits {
 public:
  explicit NextTokenLogits(at::Tensor logits_of_rows) : logits_(std::move(logits_of_rows)) {}

  const at::Tensor& logits() const noexcept { return logits_; }  // [rows,V]
  /// log_sum_exp of a row's logits; the first call computes it for all rows.
  double log_sum(std::size_t row) const {
    if (log_sums_.empty()) {
      log_sums_ = kernels::log_sum_exps(logits_);
    }
    return log_sums_[row];
  }

 private:
  at::Tensor logits_;
  mutable std::vector<double> log_sums_;  // [rows]
};

/// Updates branches between two passes through the model; prompts and options must outlive it.
class BranchWriter {
 public:
  /// `context`: the model's.
  BranchWriter(std::span<const Prompt> prompts, const GenerateOptions& options, std::int64_t context)
      : prompts_(prompts), options_(options), context_(context) {}

  /// A branch with all samples of a prompt and no tokens.
  Branch root(std::size_t prompt) const;
  /// Whether it has the maximum number of tokens.
  bool full(const Branch& branch) const {
    const std::int64_t room = context_ - std::ssize(prompts_[branch.prompt].ids);
    return std::ssize(branch.candidate.ids) >= std::min(options_.max_new_tokens, room);
  }
  /// The next token of each sample of the branches, drawn from the branch's row; branch by branch.
  std::vector<Draw> draw(std::span<const Branch> branches, std::span<const std::size_t> rows,
                         const NextTokenLogits& next) const;
  /// The drawn token and those that it forces become the chunk. NumericError if logits are not finite.
  void append(Branch& branch, const Draw& draw) const;
  /// Adds the log-probabilities of forced tokens in the branches' chunks, which were fed one after another.
  void count_forced(std::span<Branch> branches, const NextTokenLogits& next) const;
  /// Adds the chunk's hidden states [chunk,width] to the candidate's sum.
  void pool(Branch& branch, std::span<const float> hidden, std::size_t width) const;
  /// The candidate of the branch's samples, with averaged states. NumericError as above.
  Candidate written(const Branch& branch) const;

 private:
  void force(Branch& branch) const;
  void write(Branch& branch, text::TokenId token) const;
  struct Place {
    const Branch* branch;
    std::size_t row;
    std::int64_t sample;
  };
  Random random_of(const Place& place) const;
  std::vector<Draw> draw_free(std::span<const Place> places, const NextTokenLogits& next) const;
  std::vector<Draw> draw_constrained(std::span<const Place> places, const NextTokenLogits& next) const;
  void emit(const Branch& branch, text::TokenId token) const;

  std::span<const Prompt> prompts_;
  const GenerateOptions& options_;
  std::int64_t context_;
};

}  // namespace routedk::decode
