/// The only form of a batch: the tokens of S sequences one after another, without padding or masks.
#pragma once

#include "routedk/kernels/attention.h"

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// Adjacent tokens of one sequence at consecutive positions.
struct TokenRun {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t position;  ///< of the first token
  std::int64_t sequence;
};

/// A prompt and its alternative answers. The answers follow the prompt one after another; each has the
/// positions right after the prompt, and sees the prompt and itself.
struct PromptAnswers {
  std::vector<std::int32_t> prompt;
  std::vector<std::vector<std::int32_t>> answers;
};

struct FlatBatch {
  at::Tensor ids;                        // [T] I64
  at::Tensor positions;                  // [T] I64
  at::Tensor seq_of_token;               // [T] I64
  std::vector<std::int64_t> cu_seqlens;  // [S+1]: sequence s is tokens cu_seqlens[s] .. cu_seqlens[s+1]
  std::vector<std::int64_t> prompt_len;  // [S]: how many of its first tokens gates may use
  std::vector<TokenRun> runs;            ///< one per sequence, or its prompt and each of its answers

  /// The same batch with its tensors on that device.
  FlatBatch to(at::Device device) const;
  std::int64_t sequences() const noexcept { return static_cast<std::int64_t>(prompt_len.size()); }
  std::int64_t tokens() const noexcept { return cu_seqlens.back(); }
  /// The attention segments of the whole batch.
  std::vector<kernels::Segment> segments() const;

  /// From the ids and prompt length of each sequence. ConfigError when a sequence is empty or its prompt
  /// length is not between 1 and its length.
  static FlatBatch make(const std::vector<std::vector<std::int32_t>>& sequences,
                        const std::vector<std::int64_t>& prompt_len);
  /// From prompts with their answers. ConfigError when a prompt is empty.
  static FlatBatch make(const std::vector<PromptAnswers>& sequences);
  /// Concatenates batches on one device.
  static FlatBatch joined(const std::vector<const FlatBatch*>& parts);
};

/// Some rows of a batch as a separate batch, for computations that treat rows independently.
struct BatchPart {
  at::Tensor rows;  // [A] I64: their indices in the whole batch
  FlatBatch batch;  // its positions are those in the whole batch
};

/// The rows that predict the tokens after the prompts, separately for each answer: from each sequence's last
/// prompt token to its last token but one; with several answers, for each of them the prompt's last token and
/// all but the answer's last.
BatchPart predicting_rows(const FlatBatch& batch);

}  // namespace routedk::model
