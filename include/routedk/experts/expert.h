/// One LoRA expert: y += s B A x on every adapted linear (LoRA, arXiv 2106.09685).
#pragma once

#include "routedk/experts/flat_parameters.h"
#include "routedk/model/config.h"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

struct LoraConfig {
  std::int64_t rank = 16;        ///< r
  double alpha = 32.0;           ///< lora_alpha
  bool rank_stabilised = false;  ///< s = alpha / sqrt(r) (rsLoRA) instead of alpha / r
  std::vector<model::Linear> targets{model::Linear::kQ,   model::Linear::kK,    model::Linear::kV,
                                     model::Linear::kO,   model::Linear::kGate, model::Linear::kUp,
                                     model::Linear::kDown};

  /// s
  double scale() const;
};

/// The factors of one linear; undefined tensors where the expert doesn't adapt it.
struct LoraFactors {
  at::Tensor a;   // [r,in]
  at::Tensor bt;  // [r,out]
};

class Expert {
 public:
  /// All factors zero. ConfigError when rank or alpha are not positive.
  Expert(std::string name, const model::LlamaConfig& model, LoraConfig config);

  /// A as PEFT initialises it: uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), keyed by (seed, name,
  /// layer, linear); B zero.
  void initialise(std::uint64_t seed);

  const std::string& name() const noexcept { return name_; }
  const LoraConfig& config() const noexcept { return config_; }
  std::int64_t layers() const noexcept {
    return static_cast<std::int64_t>(factors_.size()) / model::kLinears;
  }
  const LoraFactors& factors(std::int64_t layer, model::Linear linear) const {
    return factors_[static_cast<std::size_t>(layer * model::kLinears + static_cast<std::int64_t>(linear))];
  }
  FlatParameters& parameters() noexcept { return parameters_; }
  const FlatParameters& parameters() const noexcept { return parameters_; }

 private:
  std::string name_;
  LoraConfig config_;
  FlatParameters parameters_;
  std::vector<LoraFactors> factors_;  // [L * 7]
};

}  // namespace routedk::experts
