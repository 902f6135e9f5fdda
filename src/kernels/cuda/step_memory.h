/// The plan of a decoding step of a given number of rows, and its working memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "decode_kernels.h"
#include "decode_product.h"
#include "step_weights.h"
#include <ATen/ATen.h>

namespace routedk::kernels::cuda {

struct StepPlan {
  std::array<ProductPlan, 4> products;    // by projection
  std::array<RowSource, 4> sources = {};  ///< how each product gets its row
  ProductPlan head;
};

HeadShape head_shape(const StepShape& shape);

/// The product of these linears with `rows` rows, without inputs and outputs.
DecodeProduct product_of(const PackedLinears& linears, int rows);
DecodeProduct head_product_of(const StepWeights& weights, int rows);

/// Nothing if a kernel needs more shared memory than a block has on this GPU.
std::optional<StepPlan> plan_step(const StepWeights& weights, int rows);

struct StepMemory {
  int rows;  // M
  StepPlan plan;
  at::Tensor hidden, second_hidden, normed;  // [M,D] F32
  at::Tensor x_hidden, x_attended, x_gated;  // bf16 panels
  std::array<at::Tensor, 2> y;  // outputs in parts: of qkv and gate_up, and of o and down, which read those
  at::Tensor logits;            // [splits][M][V padded] F32
  at::Tensor down;              // [parts][M][sections * R] F32
  at::Tensor counters;          // [L * 4] I32
  at::Tensor angles;            // [M,C/2,2] F32
  at::Tensor q;                 // [M,H C] BF16
  at::Tensor sums, states;      // [parts,M,H C], [parts,M,H,2] F32

  StepMemory(const StepWeights& weights, const StepPlan& chosen, int row_count, std::int64_t chunk_room);

 private:
  void make_outputs(const StepWeights& weights);
};

}  // namespace routedk::kernels::cuda
