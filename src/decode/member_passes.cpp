#include "member_passes.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace routedk::decode {
namespace {

using experts::FrozenGate;
using experts::GateRows;

/// The rows [S,K] of some prompts.
GateRows rows_of(const GateRows& all, std::span<const std::int64_t> prompts) {
  const at::Tensor chosen = at::tensor(at::ArrayRef<std::int64_t>(prompts.data(), prompts.size()));
  GateRows rows{all.alpha.index_select(0, chosen.to(all.alpha.device())), {}};
  for (std::size_t i = 0; !all.owner.empty() && i < prompts.size(); ++i) {
    rows.owner.push_back(all.owner[static_cast<std::size_t>(prompts[i])]);
  }
  return rows;
}

/// log(exp(sum) + softmax(logits)) [rows,V] F32, computed in doubles for a few rows at a time; sum undefined:
/// 0.
at::Tensor sum_with(const at::Tensor& sum, const at::Tensor& logits) {
  constexpr std::int64_t kRows = 32;
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < logits.size(0); first += kRows) {
    const std::int64_t rows = std::min(kRows, logits.size(0) - first);
    const at::Tensor own = at::log_softmax(logits.narrow(0, first, rows).to(at::kDouble), -1);
    parts.push_back((sum.defined() ? at::logaddexp(sum.narrow(0, first, rows).to(at::kDouble), own) : own)
                        .to(at::kFloat));
  }
  return at::cat(parts, 0);
}

}  // namespace

MemberPasses::MemberPasses(const Decoder& decoder, const experts::Gate& gate,
                           const std::vector<std::int64_t>& prompt_lengths)
    : decoder_(decoder) {
  for (const experts::Gate* const member : gate.members()) {
    members_.push_back({member, decoder.make_cache(prompt_lengths)});
  }
}

/// pass(member) -> hidden [rows,D], for each member in turn.
template <typename Pass>
PassOutput MemberPasses::mean(const Pass& pass) {
  if (members_.size() == 1) {
    const at::Tensor hidden = pass(members_.front());
    return {hidden, decoder_.logits(hidden)};
  }
  std::vector<at::Tensor> hidden;
  at::Tensor sum;  // [rows,V] F32, log of the distributions' sum
  for (Member& member : members_) {
    const at::Tensor own = pass(member);
    sum = sum_with(sum, decoder_.logits(own));
    hidden.push_back(own.clone());
  }
  return {at::stack(hidden, 0).mean(0), sum.sub_(std::log(static_cast<double>(members_.size())))};
}

PassOutput MemberPasses::prompts(const model::FlatBatch& batch, std::span<const kernels::CacheRow> rows) {
  const at::Tensor ends = at::tensor(batch.cu_seqlens).slice(0, 1) - 1;
  return mean([&](Member& member) {
    experts::RoutedOutput output = decoder_.forward(batch, *member.gate, rows, member.cache);
    member.prompt_rows = std::move(output.rows);
    return output.hidden.index_select(0, ends.to(output.hidden.device()));
  });
}

PassOutput MemberPasses::step(const model::FlatBatch& batch, std::span<const kernels::CacheRow> rows,
                              std::span<const std::int64_t> active) {
  activate(active);
  return mean(
      [&](Member& member) { return decoder_.forward(batch, *member.active, rows, member.cache).hidden; });
}

/// Keeps the same tensors while the prompts are the same.
void MemberPasses::activate(std::span<const std::int64_t> prompts) {
  if (std::ranges::equal(active_, prompts)) {
    return;
  }
  active_.assign(prompts.begin(), prompts.end());
  for (Member& member : members_) {
    std::vector<GateRows> layers;
    for (const GateRows& all : member.prompt_rows) {
      layers.push_back(rows_of(all, prompts));
    }
    member.active = std::make_unique<FrozenGate>(std::move(layers));
  }
}

at::Tensor MemberPasses::alpha(std::int64_t prompt) const {
  std::vector<at::Tensor> members;
  for (const Member& member : members_) {
    std::vector<at::Tensor> layers;
    for (const GateRows& layer : member.prompt_rows) {
      layers.push_back(layer.alpha[prompt]);
    }
    members.push_back(at::stack(layers, 0).to(at::kCPU));
  }
  return members.size() == 1 ? members.front() : at::stack(members, 0).mean(0);
}

void MemberPasses::reserve(std::int64_t branches, std::int64_t tokens) {
  for (Member& member : members_) {
    member.cache.reserve(branches, tokens);
  }
}

void MemberPasses::copy(std::int64_t from, std::int64_t to, std::int64_t tokens) {
  for (Member& member : members_) {
    member.cache.copy(from, to, tokens);
  }
}

void MemberPasses::drop_prompt(std::int64_t prompt) {
  for (Member& member : members_) {
    member.cache.drop_prompt(prompt);
  }
}

}  // namespace routedk::decode
