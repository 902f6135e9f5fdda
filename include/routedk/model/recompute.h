/// Activation checkpointing (arXiv 1604.06174): trades a second forward pass for memory.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// Whether f runs for its value, or a second time only for its gradients.
enum class Run : std::uint8_t { kValue, kGradients };
using RecomputeFn = std::function<at::Tensor(const std::vector<at::Tensor>&, Run)>;

/// f(inputs, Run::kValue); autograd saves only the inputs, and backward runs f a second time. Gradients reach
/// the inputs and the trainable leaves that f uses besides, which `leaves` must list. Both runs of f must do
/// the same, except for result values that no gradient needs, and what f refers to must live until then.
at::Tensor recompute(RecomputeFn f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& leaves);

}  // namespace routedk::model
