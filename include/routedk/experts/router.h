/// Trainable gates (RouteDK, arXiv 2508.17250): the dynamic one, alpha^l = softmax(W_l AvgPool(H^{l-1}) +
/// b_l), and the static one, alpha^l = softmax(b_l).
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/router_options.h"

#include <cstdint>

namespace routedk::experts {

class RouterGate : public Gate {
 public:
  /// W and b start at zero: the uniform mixture. ConfigError unless temperature is positive, top_k is from 0
  /// to the number of experts, threshold is from 0 to 1, and the pool options belong to a dynamic gate.
  RouterGate(std::int64_t layers, std::int64_t hidden, std::int64_t experts,
             const RouterOptions& options = {}, at::Device device = at::kCPU);

  /// Pools over each sequence's prompt tokens in fp32; gradients flow through the pool. Among equal alphas,
  /// top_k keeps the first. A static gate uses only the batch's number of sequences.
  GateRows rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const override;
  bool same_in_all_layers() const noexcept override { return options_.is_global(); }
  bool looks_at_input() const noexcept override { return !options_.is_static(); }
  /// A frozen copy with these two options, so that fewer experts are kept. ConfigError as above.
  RouterGate sparse(std::int64_t top_k, double threshold) const;
  /// A control for what W has learnt: a frozen copy with W random and uniform, keyed by (seed, layer), with
  /// each layer's Frobenius norm unchanged; b and the rest are the same. ConfigError for a static gate.
  RouterGate with_random_weights(std::uint64_t seed) const;

  /// [K,D], for a dynamic gate only.
  const at::Tensor& weight(std::int64_t layer) const { return parameters_.leaves()[last(layer) - 1]; }
  /// [K]
  const at::Tensor& bias(std::int64_t layer) const { return parameters_.leaves()[last(layer)]; }
  std::int64_t layers() const noexcept { return layers_; }
  std::int64_t hidden() const noexcept { return hidden_; }
  const RouterOptions& options() const noexcept { return options_; }
  FlatParameters& parameters() noexcept { return parameters_; }
  const FlatParameters& parameters() const noexcept { return parameters_; }

 private:
  /// Index of a layer's last leaf, its bias.
  std::size_t last(std::int64_t layer) const noexcept {
    const std::int64_t own = options_.is_global() ? 0 : layer;
    return static_cast<std::size_t>(options_.is_static() ? own : 2 * own + 1);
  }
  at::Tensor logits(std::int64_t layer, const at::Tensor& hidden,
                    const model::FlatBatch& batch) const;  // [T,D] -> [S,K]
  at::Tensor alpha(const at::Tensor& logits) const;        // [S,K] -> [S,K]

  std::int64_t layers_;
  std::int64_t hidden_;
  RouterOptions options_;
  FlatParameters parameters_;
};

/// Mean of each sequence's first prompt_len rows: hidden [T,D] -> [S,D] F32; with `rms`, each row is first
/// divided by sqrt(mean(x^2) + 1e-6).
at::Tensor pool_prompts(const at::Tensor& hidden, const model::FlatBatch& batch, bool rms = false);

}  // namespace routedk::experts
