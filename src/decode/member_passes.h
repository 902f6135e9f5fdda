/// The passes of one generation: one per member of its gate, each with its own cache.
#pragma once

#include "routedk/decode/decoder.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::decode {

/// The result of a pass for the token after each of its rows.
struct PassOutput {
  at::Tensor hidden;  // [rows,D] after the final norm; the members' mean
  /// [rows,V] F32, valid until the next pass. For several members, the log of the mean of their
  /// distributions, computed in doubles: a row's bits do not depend on the other rows.
  at::Tensor logits;
};

class MemberPasses {
 public:
  /// Decoder and gate must outlive it. prompt_lengths: [S]
  MemberPasses(const Decoder& decoder, const experts::Gate& gate,
               const std::vector<std::int64_t>& prompt_lengths);

  /// All prompts; one row for the last token of each.
  PassOutput prompts(const model::FlatBatch& batch, std::span<const kernels::CacheRow> rows);
  /// Tokens that follow the prompts `active`, one sequence of the batch each, under these prompts' alpha.
  PassOutput step(const model::FlatBatch& batch, std::span<const kernels::CacheRow> rows,
                  std::span<const std::int64_t> active);
  /// A prompt's gate rows [L,K], the members' mean, on the CPU.
  at::Tensor alpha(std::int64_t prompt) const;

  /// As the cache's functions of the same names.
  void reserve(std::int64_t branches, std::int64_t tokens);
  void copy(std::int64_t from, std::int64_t to, std::int64_t tokens);
  void drop_prompt(std::int64_t prompt);

 private:
  struct Member {
    const experts::Gate* gate;
    kernels::KvCache cache;
    std::vector<experts::GateRows> prompt_rows{};   // [L] of [S,K]
    std::unique_ptr<experts::FrozenGate> active{};  ///< the rows of active_
  };
  template <typename Pass>
  PassOutput mean(const Pass& pass);
  void activate(std::span<const std::int64_t> prompts);

  const Decoder& decoder_;
  std::vector<Member> members_;
  std::vector<std::int64_t> active_;
};

}  // namespace routedk::decode
