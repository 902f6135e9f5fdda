/// Activation checkpointing (arXiv 1604.06174): memory for a second forward pass.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

/// Whether f is run for its value, or a second time for its gradients alone.
enum class Run : std::uint8_t { kValue, kGradients };
using RecomputeFn = std::function<at::Tensor(const std::vector<at::Tensor>&, Run)>;

/// f(inputs, Run::kValue), of which autograd keeps the inputs alone: backward runs f a second time. Gradients
/// reach the inputs and the trainable leaves that f uses besides, which `leaves` must name. What f does must
/// be the same both times, except for numbers of its result that no gradient needs, and what it refers to
/// must live until then.
at::Tensor recompute(RecomputeFn f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& leaves);

}  // namespace routedk::model
