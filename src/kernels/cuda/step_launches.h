/// The kernels of a decoding step, in order.
#pragma once

#include <cstdint>

#include "decode_kernels.h"
#include "step_memory.h"
#include "step_tables.h"
#include "step_weights.h"

namespace routedk::kernels::cuda {

/// Inputs that change from step to step, at fixed addresses.
struct StepInputs {
  const RowTables& rows;
  const CacheTable& cache;
  const at::Tensor& alpha;  // [L,S,K] F32
};

class StepLaunches {
 public:
  /// Keeps references to all arguments.
  StepLaunches(const StepWeights& weights, const StepInputs& inputs, const StepMemory& memory);
  /// Leaves the rows after the final norm in memory.normed and the logits in memory.logits[0].
  void launch(Stream stream);

 private:
  void start(Stream stream) const;
  void launch_layer(std::int64_t layer, Stream stream);
  void attend(std::int64_t layer, Stream stream) const;
  void gate(std::int64_t layer, Stream stream) const;
  void head(Stream stream) const;
  void project_normed(std::int64_t layer, std::size_t projection, const at::Tensor& gain, int parts,
                      Stream stream);
  void add_norm(const at::Tensor& gain, int parts, float* normed, Stream stream) const;
  void project(std::int64_t layer, std::size_t projection, const RowParts& source, Stream stream) const;
  DecodeProduct product(std::int64_t layer, std::size_t projection) const;
  DecodeAttention attention(std::int64_t layer) const;
  const PackedLayer& layer_at(std::int64_t layer) const {
    return weights_.layers[static_cast<std::size_t>(layer)];
  }

  const StepWeights& weights_;
  StepInputs inputs_;
  const StepMemory& memory_;
  int width_;  // D
  float epsilon_;
  float* hidden_;
  float* other_hidden_;
};

}  // namespace routedk::kernels::cuda
