/// The one batch form: S sequences' tokens one after another, no padding, no masks.
#pragma once

#include "routedk/kernels/attention.h"

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// Neighbouring tokens of one sequence at consecutive positions.
struct TokenRun {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t position;  ///< of the first
  std::int64_t sequence;
};

/// A prompt and what may follow it: several answers stand one after another behind the prompt, each at the
/// positions behind it, and see the prompt and themselves.
struct PromptAnswers {
  std::vector<std::int32_t> prompt;
  std::vector<std::vector<std::int32_t>> answers;
};

struct FlatBatch {
  at::Tensor ids;                        // [T] I64
  at::Tensor positions;                  // [T] I64
  at::Tensor seq_of_token;               // [T] I64
  std::vector<std::int64_t> cu_seqlens;  // [S+1]: sequence s is tokens cu_seqlens[s] .. cu_seqlens[s+1]
  std::vector<std::int64_t> prompt_len;  // [S]: how many of its first tokens gates may look at
  std::vector<TokenRun> runs;            ///< one per sequence, or its prompt and each of its answers

  /// The same with its tensors on that device.
  FlatBatch to(at::Device device) const;
  std::int64_t sequences() const noexcept { return static_cast<std::int64_t>(prompt_len.size()); }
  std::int64_t tokens() const noexcept { return cu_seqlens.back(); }
  /// What attends to what, of a whole batch.
  std::vector<kernels::Segment> segments() const;

  /// From each sequence's ids and prompt length. ConfigError when a sequence is empty or its prompt length is
  /// not between 1 and its length.
  static FlatBatch make(const std::vector<std::vector<std::int32_t>>& sequences,
                        const std::vector<std::int64_t>& prompt_len);
  /// From prompts with their answers. ConfigError when a prompt is empty.
  static FlatBatch make(const std::vector<PromptAnswers>& sequences);
  /// Batches on one device, one after another.
  static FlatBatch joined(const std::vector<const FlatBatch*>& parts);
};

/// Some rows of a batch as a batch of their own, for whatever looks at each row alone.
struct BatchPart {
  at::Tensor rows;  // [A] I64: where they stand in the whole
  FlatBatch batch;  // its positions are those of the whole
};

/// The rows that predict what follows the prompts, for each answer its own: of each sequence its last prompt
/// token to its last but one; of several answers the prompt's last token and each but the answer's last.
BatchPart predicting_rows(const FlatBatch& batch);

}  // namespace routedk::model
