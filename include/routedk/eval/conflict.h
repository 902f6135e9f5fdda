/// Whether different kinds of knowledge pull the same parameters in different directions.
#pragma once

#include "routedk/experts/expert.h"
#include "routedk/io/jsonl.h"

#include <array>
#include <optional>

namespace routedk::eval {

/// For each linear of the model, the values of an expert's factors in all layers as one vector: [n] F32;
/// undefined if the expert does not adapt the linear.
using LinearVectors = std::array<at::Tensor, model::kLinears>;

/// Copies of the gradients of A and B. The expert's parameters must be trainable.
LinearVectors gradient_vectors(const experts::Expert& expert);

/// Cosines, from -1 (opposite) to 1 (same direction); 0 if one side is all zero.
struct Cosines {
  double all = 0.0;  ///< over all linears as one vector
  /// In the order of model::Linear; nothing for a linear that neither side adapts.
  std::array<std::optional<double>, model::kLinears> by_linear{};
};

Cosines cosines_of(const LinearVectors& a, const LinearVectors& b);

/// Compares the deltas s B A themselves, over all layers, by the factors' Gram matrices: no delta is
/// materialised.
Cosines delta_cosines(const experts::Expert& a, const experts::Expert& b);

/// {"all": ..., "q_proj": ..., ...}, with the linears that are adapted
io::Json to_json(const Cosines& cosines);

}  // namespace routedk::eval
