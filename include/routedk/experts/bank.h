/// K experts and how their deltas reach a linear's output.
#pragma once

#include "routedk/experts/expert.h"
#include "routedk/experts/gate.h"
#include "routedk/kernels/linear.h"
#include "routedk/model/backbone.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// Dropout before A, as a training pass asks for it.
struct TrainingDropout {
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::vector<std::uint64_t> example_keys;  // [S]
};

/// Where in a forward pass linears stand that share their input.
struct DeltaSite {
  std::int64_t layer;
  model::Projection projection;
  const GateRows& rows;
  const model::FlatBatch& batch;
  const TrainingDropout* dropout;  ///< nullptr outside training
  bool batch_invariant = false;    ///< as in RoutedPass
  kernels::Values values = kernels::Values::kRead;
};

class ExpertBank {
 public:
  /// At least one expert, all of the same model, with different names; ConfigError otherwise.
  explicit ExpertBank(std::vector<std::shared_ptr<Expert>> experts);

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(experts_.size()); }  // K
  const Expert& operator[](std::int64_t i) const { return *experts_[static_cast<std::size_t>(i)]; }
  Expert& operator[](std::int64_t i) { return *experts_[static_cast<std::size_t>(i)]; }
  /// Position of an expert by name; ConfigError with the known names otherwise.
  std::int64_t index_of(const std::string& name) const;

  /// The factors in a layer that are being trained.
  std::vector<at::Tensor> trainable(std::int64_t layer) const;

  /// Packs all experts' factors side by side in `dtype`, for mixing. Call when they no longer change.
  void freeze(at::ScalarType dtype);
  /// Moves the experts to where the backbone is and freezes them as its linears take them.
  void freeze(const model::Backbone& backbone);

  /// x [T,in] -> of each of the projection's linears x W^T + b + sum_i alpha_i s_i (x A_i^T) B_i^T [T,out].
  /// Owned rows go run by run through their expert's factors; mixed rows through the frozen stack.
  std::vector<at::Tensor> linears(const DeltaSite& site, const model::Layer& layer,
                                  const at::Tensor& x) const;

 private:
  /// All experts' factors for one linear, and whose each rank is.
  struct Stack {
    kernels::LoraStack factors;
    at::Tensor expert;  // [R] I64
    at::Tensor scale;   // [R] F32
  };
  std::vector<at::Tensor> owned(const DeltaSite& site, const model::Layer& layer, const at::Tensor& x) const;
  at::Tensor mixed(const DeltaSite& site, model::Linear linear, const kernels::FrozenLinear& weight,
                   const at::Tensor& x) const;
  Stack stack(std::int64_t layer, model::Linear linear, at::ScalarType dtype) const;

  std::vector<std::shared_ptr<Expert>> experts_;
  std::vector<Stack> stacks_;  // [L * 7] once frozen
};

}  // namespace routedk::experts
