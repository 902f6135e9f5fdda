/// TIES (arXiv 2306.01708): merges K experts once, for all inputs, into one expert of scale 1, a bank of one.
/// Of n values, the k = floor(density * n) largest by magnitude are kept (density >= 1: all); each element's
/// sign is that of the sum of the kept values (0 counts as +); the result is the mean of those with this
/// sign.
///
/// The result depends on what is merged, and PEFT's names are misleading:
/// - `ties_deltas` merges the deltas s B A of each linear: the paper's TIES, METHOD's `ties`. It has full
///   rank; refactored to a lower one it is PEFT's combination_type "ties_svd".
/// - `ties_factors` merges A and B separately, before their product: PEFT's combination_type "ties". It is
///   cheap and low-rank, but a different result: signs of A and B have no meaning on their own.
#pragma once

#include "routedk/experts/bank.h"

#include <optional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// The rule itself for tensors of one shape, each weighted after pruning and election (PEFT's order).
/// ConfigError unless density is from 0 to 1.
at::Tensor ties_merge(const std::vector<at::Tensor>& tensors, const std::vector<double>& weights,
                      double density);

/// TIES on the scaled deltas, weights 1, per linear. Without `rank` it is exact: one factor is the identity,
/// so the product equals the dense delta to the last bit, at the memory of a dense model. With `rank`, the
/// best approximation of that rank in the Frobenius norm (truncated SVD), or exact if a side is no larger.
/// ConfigError unless density is from 0 to 1 and rank at least 1.
Expert ties_deltas(const ExpertBank& bank, const model::LlamaConfig& model, double density,
                   std::optional<std::int64_t> rank);

/// PEFT's add_weighted_adapter(combination_type="ties") with weights 1: A and B times sqrt(s) after pruning
/// and election. (For rsLoRA experts PEFT scales its result by sqrt(r) once more; this does not.) ConfigError
/// unless density is from 0 to 1 and the experts that adapt a linear have the same rank there.
Expert ties_factors(const ExpertBank& bank, const model::LlamaConfig& model, double density);

}  // namespace routedk::experts
