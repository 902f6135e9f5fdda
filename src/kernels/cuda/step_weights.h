/// A model's weights in the layout of a decoding step.
#pragma once

#include "routedk/kernels/cuda/decode_step.h"

#include <array>
#include <cstdint>
#include <vector>

#include "decode_product.h"
#include "decode_tiles.h"
#include <ATen/ATen.h>

namespace routedk::kernels::cuda {

/// Linears that share an input as one matrix, with their adapters as one.
struct PackedLinears {
  Tiles weight;
  Tiles a;
  Tiles b;
  at::Tensor expert;  // [sections * R] U8
  std::int64_t ranks = 0;
  std::vector<std::int64_t> first_rows;  // of the sections

  PackedLinears(const std::vector<StepLinear>& linears, StepFormat format);
  StackedAdapter adapter() const;
  /// Columns of x A^T.
  std::int64_t width() const { return ranks * static_cast<std::int64_t>(first_rows.size()); }

 private:
  void pack_adapter(const std::vector<StepLinear>& linears);
};

/// Indices into StepProjections.
constexpr std::size_t kQkv = 0;
constexpr std::size_t kO = 1;
constexpr std::size_t kGateUp = 2;
constexpr std::size_t kDown = 3;

struct PackedLayer {
  at::Tensor attention_norm;  // [D] F32
  at::Tensor mlp_norm;        // [D] F32
  std::array<PackedLinears, 4> projections;
};

struct StepWeights {
  StepShape shape;
  StepFormat format;
  at::Device device;
  at::Tensor embedding;            // [V,D] BF16
  Tiles head;                      // [V,D]
  at::Tensor norm;                 // [D] F32
  at::Tensor inverse_frequencies;  // [C/2] F32
  std::vector<PackedLayer> layers;

  void add_layer(const StepLayer& layer);
  /// The layer whose adapter of that projection is the widest.
  const PackedLinears& widest(std::size_t projection) const;
  /// Bytes that a step reads, with all experts or with none.
  std::int64_t bytes(bool experts) const;
};

}  // namespace routedk::kernels::cuda
