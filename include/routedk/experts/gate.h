/// Gates: how much of each expert each sequence gets in each layer (alpha [S,K]).
#pragma once

#include "routedk/model/batch.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// The rows of one layer. Where every row belongs to one expert, `owner` says to which (-1: to none) and the
/// bank multiplies with that expert's factors alone; otherwise `owner` is empty and alpha mixes.
struct GateRows {
  at::Tensor alpha;  // [S,K] F32
  std::vector<int> owner;
};

/// The only polymorphic class on the forward path: layers never ask which strategy runs.
class Gate {
 public:
  virtual ~Gate() = default;
  /// hidden [T,D]: the layer's input, before its norm.
  virtual GateRows rows(std::int64_t layer, const at::Tensor& hidden,
                        const model::FlatBatch& batch) const = 0;
  /// Whether the first layer's rows hold for all others, which then aren't asked for.
  virtual bool same_in_all_layers() const noexcept { return false; }
  /// Whether rows may differ from input to input; where not, each sequence of every batch gets the same.
  virtual bool looks_at_input() const noexcept { return true; }
  /// The expert that gets every sequence (-1: none), where that is so whatever they are.
  virtual std::optional<int> owner() const noexcept { return std::nullopt; }
  /// The gates that decoding runs a pass under each, averaging their next-token distributions: this one
  /// alone, except for an ensemble.
  virtual std::vector<const Gate*> members() const { return {this}; }
};

/// Each sequence is one expert's (training, single-expert inference) or nobody's (-1, the plain backbone).
class OwnerGate : public Gate {
 public:
  OwnerGate(std::vector<int> owner, std::int64_t experts);
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  GateRows rows_;
};

/// Every sequence is the same expert's, or nobody's (-1), however many sequences there are.
class SingleExpertGate : public Gate {
 public:
  SingleExpertGate(int expert, std::int64_t experts) : expert_(expert), experts_(experts) {}
  std::optional<int> owner() const noexcept override { return expert_; }
  bool looks_at_input() const noexcept override { return false; }
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  int expert_;
  std::int64_t experts_;
};

/// Each expert answers by itself: only decoding can run it, by its members. `rows` throws ConfigError.
class EnsembleGate : public Gate {
 public:
  explicit EnsembleGate(std::int64_t experts);
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;
  std::vector<const Gate*> members() const override;
  bool looks_at_input() const noexcept override { return false; }

 private:
  std::vector<SingleExpertGate> experts_;
};

/// The same weights [K] for every sequence and layer; 1/K each is METHOD's `average`.
class FixedGate : public Gate {
 public:
  explicit FixedGate(const std::vector<float>& weights);
  static FixedGate average(std::int64_t experts);
  bool looks_at_input() const noexcept override { return false; }
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  at::Tensor weights_;  // [K]
};

/// Another gate's rows with one expert's weight set to 0, the others as they are: METHOD's ablation.
class AblationGate : public Gate {
 public:
  AblationGate(std::unique_ptr<const Gate> gate, int expert) : gate_(std::move(gate)), expert_(expert) {}
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;
  bool same_in_all_layers() const noexcept override { return gate_->same_in_all_layers(); }
  bool looks_at_input() const noexcept override { return gate_->looks_at_input(); }

 private:
  std::unique_ptr<const Gate> gate_;
  int expert_;
};

/// Rows that an earlier pass computed, one [S,K] a layer: decoding keeps the prompt's alpha.
class FrozenGate : public Gate {
 public:
  explicit FrozenGate(std::vector<GateRows> layers) : layers_(std::move(layers)) {}
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  std::vector<GateRows> layers_;
};

/// The weights [L,K] F32 of a gate that does not look at its input (Error of another); ConfigError of an
/// ensemble.
at::Tensor fixed_weights(const Gate& gate, const model::LlamaConfig& model);

}  // namespace routedk::experts
