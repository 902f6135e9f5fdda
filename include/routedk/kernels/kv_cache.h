/// Keys and values of prompts, each shared by the branches that continue it, and of the branches' own tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// One token on its way through the layers: which keys it may see, and where its own are kept.
struct CacheRow {
  std::int64_t prompt = 0;
  std::int64_t branch = kPrompt;  ///< kPrompt: the token is one of the prompt's own
  std::int64_t position = 0;      ///< within the prompt, or within the branch's own tokens

  static constexpr std::int64_t kPrompt = -1;
};

struct CacheShape {
  std::int64_t layers = 0;    // L
  std::int64_t heads = 0;     // H
  std::int64_t kv_heads = 0;  // G
  std::int64_t head_dim = 0;  // C
};

/// How keys and values of one head lie.
enum class CacheLayout : std::uint8_t {
  kPanels,  ///< the CPU's: keys in panels of 32 tokens [., C, 32], values in panels of 32 columns [., tokens,
            ///< 32]
  kTokens,  ///< a GPU's: both [tokens,C]
};
inline CacheLayout cache_layout(at::Device device) {
  return device.is_cuda() ? CacheLayout::kTokens : CacheLayout::kPanels;
}

/// Attention in fp32 over one prompt and one branch's own tokens, merged in one softmax. The order of all
/// sums depends on a row's own keys alone: its result is the same, bit for bit, whatever rows stand beside
/// it, however many tokens come at once and however many threads work.
class KvCache {
 public:
  /// prompt_lengths [S]: room for every prompt; branches come with `reserve`. On the CPU `dtype` is float32,
  /// on a GPU it may be bfloat16.
  KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths, at::Device device = at::kCPU,
          at::ScalarType dtype = at::kFloat)
      : KvCache(shape, std::move(prompt_lengths), at::TensorOptions(device).dtype(dtype),
                cache_layout(device)) {}
  KvCache(const CacheShape& shape, std::vector<std::int64_t> prompt_lengths, const at::TensorOptions& options,
          CacheLayout layout);

  /// Room for `branches` of at most `tokens` own tokens; what is held is kept.
  void reserve(std::int64_t branches, std::int64_t tokens);
  /// Branch `to` becomes a copy of the first `tokens` own tokens of `from`.
  void copy(std::int64_t from, std::int64_t to, std::int64_t tokens);
  /// The prompt's memory is given back; its rows are never asked for again.
  void drop_prompt(std::int64_t prompt);

  /// Keeps k, v [T,G,C] of the rows, rotated.
  void write(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& k, const at::Tensor& v);
  /// q [T,H,C], rotated -> [T,H,C] in its type. Rows of one prompt are next to each other; each sees the
  /// prompt (its own tokens up to itself) and its branch up to itself, all written before.
  at::Tensor attend(std::int64_t layer, std::span<const CacheRow> rows, const at::Tensor& q) const;

  /// Columns of a panel. Where tokens lie one after another, a panel of keys is one token and a panel of
  /// values all columns.
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
  /// For so many branches [B,...], or for a prompt: none.
  Panels make(std::optional<std::int64_t> branches, std::int64_t tokens) const;

  CacheShape shape_;
  std::vector<std::int64_t> prompt_lengths_;
  at::TensorOptions options_;
  std::int64_t panel_tokens_;   ///< of a panel of keys
  std::int64_t panel_columns_;  ///< of a panel of values
  std::int64_t branches_ = 0;
  std::int64_t tokens_ = 0;  // M
  std::vector<Layer> layers_;
};

}  // namespace routedk::kernels
