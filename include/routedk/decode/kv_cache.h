/// Keys and values of prompts, each shared by the branches that continue it, and of the branches' own tokens.
#pragma once

#include "routedk/model/config.h"
#include "routedk/quant/cpu/team.h"

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::decode {

/// One token on its way through the layers: which keys it may see, and where its own are kept.
struct CacheRow {
  std::int64_t prompt = 0;
  std::int64_t branch = kPrompt;  ///< kPrompt: the token is one of the prompt's own
  std::int64_t position = 0;      ///< within the prompt, or within the branch's own tokens

  static constexpr std::int64_t kPrompt = -1;
};

/// Attention in fp32 over one prompt and one branch's own tokens, merged in one softmax. The order of all
/// sums depends on a row's own keys alone: its result is the same, bit for bit, whatever rows stand beside
/// it, however many tokens come at once and however many threads work.
class KvCache {
 public:
  /// prompt_lengths [S]: room for every prompt; branches come with `reserve`.
  KvCache(const model::LlamaConfig& config, std::vector<std::int64_t> prompt_lengths);

  /// Room for `branches` of at most `tokens` own tokens; what is held is kept.
  void reserve(std::int64_t branches, std::int64_t tokens);
  /// Branch `to` becomes a copy of the first `tokens` own tokens of `from`.
  void copy(std::int64_t from, std::int64_t to, std::int64_t tokens);
  /// The prompt's memory is given back; its rows are never asked for again.
  void drop_prompt(std::int64_t prompt);

  /// Keeps k, v [n,G,C] F32 of some rows; threads may keep different rows at once.
  void write(std::int64_t layer, std::span<const CacheRow> rows, const float* k, const float* v);
  /// q [T,H,C] F32, rotated -> out [T,H,C]. Rows of one prompt stand beside each other; each sees the prompt
  /// (its own tokens up to itself) and its branch up to itself, all written before. A step of
  /// the team: every member calls it.
  void attend(std::int64_t layer, std::span<const CacheRow> rows, const float* q, float* out,
              quant::cpu::Team::Member& member) const;

 private:
  /// Keys lie in panels of 32 tokens [., C, 32], values in panels of 32 columns [., tokens, 32].
  struct Panels {
    at::Tensor k;
    at::Tensor v;
  };
  struct LayerCache {
    std::vector<Panels> prompts;  // [S]: k [G,P/32,C,32], v [G,C/32,P,32]
    Panels branches;              // k [B,G,M/32,C,32], v [B,G,C/32,M,32]
  };
  class Task;

  model::LlamaConfig config_;
  std::vector<std::int64_t> prompt_lengths_;
  std::int64_t branches_ = 0;
  std::int64_t tokens_ = 0;  // M
  std::vector<LayerCache> layers_;
};

}  // namespace routedk::decode
