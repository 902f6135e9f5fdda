#include "routedk/experts/gate.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <iterator>

namespace routedk::experts {

OwnerGate::OwnerGate(std::vector<int> owner, std::int64_t experts) {
  rows_.alpha = at::zeros({static_cast<std::int64_t>(owner.size()), experts}, at::kFloat);
  for (std::size_t s = 0; s < owner.size(); ++s) {
    if (owner[s] >= 0) {
      rows_.alpha[static_cast<std::int64_t>(s)][owner[s]] = 1.0F;
    }
  }
  rows_.owner = std::move(owner);
}

GateRows OwnerGate::rows(std::int64_t, const at::Tensor& hidden, const model::FlatBatch&) const {
  return {rows_.alpha.to(hidden.device()), rows_.owner};
}

GateRows SingleExpertGate::rows(std::int64_t layer, const at::Tensor& hidden,
                                const model::FlatBatch& batch) const {
  return OwnerGate(std::vector<int>(static_cast<std::size_t>(batch.sequences()), expert_), experts_)
      .rows(layer, hidden, batch);
}

EnsembleGate::EnsembleGate(std::int64_t experts) {
  for (int i = 0; i < static_cast<int>(experts); ++i) {
    experts_.emplace_back(i, experts);
  }
}

GateRows EnsembleGate::rows(std::int64_t, const at::Tensor&, const model::FlatBatch&) const {
  throw_<ConfigError>(
      "the gate of a single pass must mix experts, but is `ensemble` instead, which only decoding can run");
}

std::vector<const Gate*> EnsembleGate::members() const {
  std::vector<const Gate*> members;
  std::transform(experts_.begin(), experts_.end(), std::back_inserter(members),
                 [](const SingleExpertGate& expert) { return &expert; });
  return members;
}

FixedGate::FixedGate(const std::vector<float>& weights) : weights_(at::tensor(weights)) {}

FixedGate FixedGate::average(std::int64_t experts) {
  return FixedGate(std::vector<float>(static_cast<std::size_t>(experts), 1.0F / static_cast<float>(experts)));
}

GateRows FixedGate::rows(std::int64_t, const at::Tensor& hidden, const model::FlatBatch& batch) const {
  return {weights_.to(hidden.device()).expand({batch.sequences(), weights_.size(0)}), {}};
}

GateRows AblationGate::rows(std::int64_t layer, const at::Tensor& hidden,
                            const model::FlatBatch& batch) const {
  GateRows rows = gate_->rows(layer, hidden, batch);
  rows.alpha = rows.alpha.clone();
  rows.alpha.select(1, expert_).zero_();
  std::replace(rows.owner.begin(), rows.owner.end(), expert_, -1);
  return rows;
}

GateRows FrozenGate::rows(std::int64_t layer, const at::Tensor&, const model::FlatBatch&) const {
  return layers_[static_cast<std::size_t>(layer)];
}

at::Tensor fixed_weights(const Gate& gate, const model::LlamaConfig& model) {
  if (gate.looks_at_input()) {
    throw_<Error>("a gate with fixed weights must not look at its input");
  }
  const auto any = model::FlatBatch::make({{0}}, {1});
  const at::Tensor hidden = at::zeros({1, model.hidden});
  std::vector<at::Tensor> layers;  // [L] of [1,K]
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    layers.push_back(gate.rows(layer, hidden, any).alpha);
  }
  return at::cat(layers).to(at::kFloat);
}

}  // namespace routedk::experts
