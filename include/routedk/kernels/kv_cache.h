/// Keys and values of prompts, each shared by the branches that continue it, and of each branch's own tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// One token on its way through the layers: which keys it sees, and where its own are stored.
struct CacheRow {
  std::int64_t prompt = 0;
  std::int64_t branch = kPrompt;  ///< kPrompt: the token belongs to the prompt itself
  std::int64_t position = 0;      ///< within the prompt, or among the branch's own tokens

  static constexpr std::int64_t kPrompt = -1;
};

struct CacheShape {
  std::int64_t layers = 0;    // L
  std::int64_t heads = 0;     // H
  std::int64_t kv_heads = 0;  // G
  std::int64_t head_dim = 0;  // C
};

/// Memory layout of the keys and values of one head.
enum class CacheLayout : std::uint8_t {
  kPanels,  ///< on the CPU: keys in panels of 32 tokens [., C, 32], values in panels of 32 columns [.,
            ///< tokens, 32]
  kTokens,  ///< on a GPU: both [tokens,C]
};
inline CacheLayout cache_layout(at::Device device) {
  return device.is_cuda() ? CacheLayout::kTokens : CacheLayout::kPanels;
}

/// Attention in fp32 over a prompt and one branch's own tokens, merged in one softmax. The order of all sums
/// depends on a row's own keys alone: its result is the same, bit for bit, for any other rows, any number of
/// tokens at once and any number of threads.
class KvCache {
 public:
  /// prompt_lengths [S]: allocates every prompt; branches are allocated by `reserve`. `dtype` is float32 on
  /// the CPU, float32 or bfloat16 on a GPU.
  KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths, at::Device device = at::kCPU,
          at::ScalarType dtype = at::kFloat)
      : KvCache(shape, std::move(prompt_lengths), at::TensorOptions(device).dtype(dtype),
                cache_layout(device)) {}
  KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths, const at::TensorOptions& options,
          CacheLayout layout);

  /// Makes room for `branches` of at most `tokens` own tokens; keeps the contents.
  void reserve(std::int64_t branches, std::int64_t tokens);
  /// Branch `to` becomes a copy of the first `tokens` own tokens of `from`.
  void copy(std::int64_t from, std::int64_t to, std::int64_t tokens);
  /// Frees the prompt's memory; its rows must not be used again.
  void drop_prompt(std::int64_t prompt);

  /// Stores the rotated k, v [T,G,C] of the rows.
  void write(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& k, const at::Tensor& v);
  /// Rotated q [T,H,C] -> [T,H,C] in its type. Rows of one prompt are adjacent; each sees the prompt (its own
  /// tokens up to itself) and its branch up to itself, all written before.
  at::Tensor attend(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& q) const;

  /// Columns of a panel. In layout kTokens a panel of keys is one token, and a panel of values all columns.
  static constexpr std::int64_t kPanel = 32;
  struct Panels {
    at::Tensor k;
    at::Tensor v;
  };
  struct Layer {
    std::vector<Panels> prompts;  // [S]: k [G,P/32,C,32], v [G,C/32,P,32]
    Panels branches;              // k [B,G,M/32,C,32], v [B,G,C/32,M,32]
  };
  const Layer& layer(std::int64_t index) const { return layers_[static_cast<std::size_t>(index)]; }
  const CacheShape& shape() const noexcept { return shape_; }
  std::int64_t prompt_length(std::int64_t prompt) const {
    return prompt_lengths_[static_cast<std::size_t>(prompt)];
  }
  std::int64_t branch_tokens() const noexcept { return tokens_; }  // M
  at::ScalarType dtype() const { return c10::typeMetaToScalarType(options_.dtype()); }

 private:
  /// For `branches` [B,...], or for a prompt if none.
  Panels make(std::optional<std::int64_t> branches, std::int64_t tokens) const;

  CacheShape shape_;
  std::vector<std::int64_t> prompt_lengths_;
  at::TensorOptions options_;
  std::int64_t panel_tokens_;   ///< per panel of keys
  std::int64_t panel_columns_;  ///< per panel of values
  std::int64_t branches_ = 0;
  std::int64_t tokens_ = 0;  // M
  std::vector<Layer> layers_;
};

}  // namespace routedk::kernels
