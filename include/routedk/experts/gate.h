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

/// The rows of one layer. If every row belongs to one expert, `owner` has its index (-1: none) and the bank
/// multiplies only with that expert's factors; otherwise `owner` is empty and alpha mixes.
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
  /// Whether the first layer's rows apply to all layers; the others are then not computed.
  virtual bool same_in_all_layers() const noexcept { return false; }
  /// Whether rows may depend on the input; if not, every sequence of every batch gets the same.
  virtual bool looks_at_input() const noexcept { return true; }
  /// The expert that gets every sequence (-1: none), if that holds for all inputs.
  virtual std::optional<int> owner() const noexcept { return std::nullopt; }
  /// The gates under which decoding runs one pass each, averaging their next-token distributions: only this
  /// one, except for an ensemble.
  virtual std::vector<const Gate*> members() const { return {this}; }
};

/// Assigns each sequence to one expert (training, single-expert inference) or to none (-1, the plain
/// backbone).
class OwnerGate : public Gate {
 public:
  OwnerGate(std::vector<int> owner, std::int64_t experts);
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  GateRows rows_;
};

/// Assigns every sequence to the same expert or to none (-1), for any number of sequences.
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

/// Each expert answers separately: only decoding can run it, through its members. `rows` throws ConfigError.
class EnsembleGate : public Gate {
 public:
  explicit EnsembleGate(std::int64_t experts);
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;
  std::vector<const Gate*> members() const override;
  bool looks_at_input() const noexcept override { return false; }

 private:
  std::vector<SingleExpertGate> experts_;
};

/// The same weights [K] for every sequence and layer; METHOD's `average` is 1/K each.
class FixedGate : public Gate {
 public:
  explicit FixedGate(const std::vector<float>& weights);
  static FixedGate average(std::int64_t experts);
  bool looks_at_input() const noexcept override { return false; }
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  at::Tensor weights_;  // [K]
};

/// Another gate's rows with one expert's weight set to 0, the others unchanged: METHOD's ablation.
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

/// Rows computed by an earlier pass, one [S,K] per layer: decoding keeps the prompt's alpha.
class FrozenGate : public Gate {
 public:
  explicit FrozenGate(std::vector<GateRows> layers) : layers_(std::move(layers)) {}
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;

 private:
  std::vector<GateRows> layers_;
};

/// The weights [L,K] F32 of a gate that does not depend on its input (Error for others); ConfigError for an
/// ensemble.
at::Tensor fixed_weights(const Gate& gate, const model::LlamaConfig& model);

}  // namespace routedk::experts
