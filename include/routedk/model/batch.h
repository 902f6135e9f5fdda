/// The one batch form: S sequences' tokens one after another, no padding, no masks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

struct FlatBatch {
  at::Tensor ids;                        // [T] I64
  at::Tensor positions;                  // [T] I64, restarting with each sequence
  at::Tensor seq_of_token;               // [T] I64
  std::vector<std::int64_t> cu_seqlens;  // [S+1]: sequence s is tokens cu_seqlens[s] .. cu_seqlens[s+1]
  std::vector<std::int64_t> prompt_len;  // [S]: how many of its first tokens gates may look at

  /// The same with its tensors on that device.
  FlatBatch to(at::Device device) const;
  std::int64_t sequences() const noexcept { return static_cast<std::int64_t>(prompt_len.size()); }
  std::int64_t tokens() const noexcept { return cu_seqlens.back(); }

  /// From each sequence's ids and prompt length. ConfigError when a sequence is empty or its prompt length is
  /// not between 1 and its length.
  static FlatBatch make(const std::vector<std::vector<std::int32_t>>& sequences,
                        const std::vector<std::int64_t>& prompt_len);
};

/// Some rows of a batch as a batch of their own, for whatever looks at each row alone.
struct BatchPart {
  at::Tensor rows;  // [A] I64, ascending: where they stand in the whole
  FlatBatch batch;  // its positions are those of the whole
};

/// The rows that predict what follows the prompts: of each sequence its last prompt token to its last but
/// one.
BatchPart predicting_rows(const FlatBatch& batch);

}  // namespace routedk::model
