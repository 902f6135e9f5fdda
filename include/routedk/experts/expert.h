/// One LoRA expert: y += s B A x on every adapted linear (LoRA, arXiv 2106.09685).
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/kernels/lora.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// One rank and alpha for all adapted linears, as training uses.
struct LoraOptions {
  std::int64_t rank = 16;        ///< r
  double alpha = 32.0;           ///< lora_alpha
  bool rank_stabilised = false;  ///< s = alpha / sqrt(r) (rsLoRA) instead of alpha / r
  std::vector<model::Linear> targets = model::all_linears();  ///< adapted in every layer
};

/// One linear's rank and alpha; rank 0: not adapted.
struct LoraSize {
  std::int64_t rank = 0;
  double alpha = 0.0;
  bool operator==(const LoraSize&) const = default;
};

/// Rank and alpha of every linear of a model.
struct LoraPlan {
  std::vector<LoraSize> sizes;   // [L * 7], layer by layer
  bool rank_stabilised = false;  ///< see LoraOptions

  LoraPlan(const model::LlamaConfig& model, bool stabilised)
      : sizes(static_cast<std::size_t>(model.layers * model::kLinears)), rank_stabilised(stabilised) {}
  /// The same in every layer. ConfigError if rank or alpha is not positive.
  LoraPlan(const model::LlamaConfig& model, const LoraOptions& config);

  LoraSize& at(std::int64_t layer, model::Linear linear) { return sizes[index(layer, linear)]; }
  const LoraSize& at(std::int64_t layer, model::Linear linear) const { return sizes[index(layer, linear)]; }
  /// s
  double scale(const LoraSize& size) const;
  static std::size_t index(std::int64_t layer, model::Linear linear) noexcept {
    return static_cast<std::size_t>(layer * model::kLinears + static_cast<std::int64_t>(linear));
  }
};

using kernels::LoraFactors;

class Expert {
 public:
  /// All factors are zero. ConfigError if a rank is negative, or the alpha of an adapted linear is not
  /// positive.
  Expert(std::string name, const model::LlamaConfig& model, LoraPlan plan, at::Device device = at::kCPU);
  Expert(std::string name, const model::LlamaConfig& model, const LoraOptions& config,
         at::Device device = at::kCPU)
      : Expert(std::move(name), model, LoraPlan(model, config), device) {}

  /// Initialises A as PEFT does: uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), keyed by (seed, name,
  /// layer, linear); B zero.
  void initialise(std::uint64_t seed);

  /// Moves the factors to the device. Error while they are trainable.
  void to(at::Device device);

  const std::string& name() const noexcept { return name_; }
  const LoraPlan& plan() const noexcept { return plan_; }
  std::int64_t layers() const noexcept {
    return static_cast<std::int64_t>(factors_.size()) / model::kLinears;
  }
  const LoraFactors& factors(std::int64_t layer, model::Linear linear) const {
    return factors_[LoraPlan::index(layer, linear)];
  }
  /// Calls visit(layer, linear, factors) for every adapted linear, in order.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t i = 0; i < factors_.size(); ++i) {
      if (factors_[i].a.defined()) {
        visit(static_cast<std::int64_t>(i) / model::kLinears,
              static_cast<model::Linear>(i % static_cast<std::size_t>(model::kLinears)), factors_[i]);
      }
    }
  }
  FlatParameters& parameters() noexcept { return parameters_; }
  const FlatParameters& parameters() const noexcept { return parameters_; }

 private:
  void name_factors();

  std::string name_;
  LoraPlan plan_;
  FlatParameters parameters_;
  std::vector<LoraFactors> factors_;  // [L * 7]
};

/// s B A [out,in] in F32; undefined if the expert does not adapt the linear.
at::Tensor dense_delta(const LoraFactors& factors);

/// <s_a B_a A_a, s_b B_b A_b>, the sum of products of two deltas' elements, computed only from the factors'
/// products [r_a,r_b].
double delta_product(const LoraFactors& a, const LoraFactors& b);
/// ||s B A||_F
double delta_norm(const LoraFactors& factors);

}  // namespace routedk::experts
