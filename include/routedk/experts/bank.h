/// K experts and the computation of their deltas.
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

/// Dropout before A in a training pass.
struct TrainingDropout {
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::vector<std::uint64_t> example_keys;  // [S]
};

/// The place in a forward pass of linears that share their input.
struct DeltaSite {
  std::int64_t layer;
  model::Projection projection;
  const GateRows& rows;
  const model::FlatBatch& batch;
  const TrainingDropout* dropout;  ///< nullptr outside training
  bool batch_invariant = false;    ///< see RoutedPass
  kernels::Values values = kernels::Values::kRead;
};

class ExpertBank {
 public:
  /// At least one expert, all for the same model, with distinct names; ConfigError otherwise.
  explicit ExpertBank(std::vector<std::shared_ptr<Expert>> experts);

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(experts_.size()); }  // K
  const Expert& operator[](std::int64_t i) const { return *experts_[static_cast<std::size_t>(i)]; }
  Expert& operator[](std::int64_t i) { return *experts_[static_cast<std::size_t>(i)]; }
  /// Index of an expert by name; ConfigError with the known names if there is none.
  std::int64_t index_of(const std::string& name) const;

  /// The factors being trained in a layer.
  std::vector<at::Tensor> trainable(std::int64_t layer) const;

  /// Stacks all experts' factors in `dtype`, for mixing. Call once they no longer change.
  void freeze(at::ScalarType dtype);
  /// Moves the experts to the backbone's device and freezes them in the type of its linears.
  void freeze(const model::Backbone& backbone);

  /// x [T,in] -> of each of the projection's linears x W^T + b + sum_i alpha_i s_i (x A_i^T) B_i^T [T,out].
  /// Owned rows are multiplied run by run with their expert's factors, mixed rows with the frozen stack.
  std::vector<at::Tensor> linears(const DeltaSite& site, const model::Layer& layer,
                                  const at::Tensor& x) const;

 private:
  /// All experts' factors for one linear, and the expert of each rank.
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
