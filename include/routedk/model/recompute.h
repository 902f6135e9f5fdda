/// Activation checkpointing (arXiv 1604.06174): memory for a second forward pass.
#pragma once

#include <functional>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::model {

using RecomputeFn = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

/// f(inputs), of which autograd keeps the inputs alone: backward runs f a second time. Gradients reach the
/// inputs and the trainable leaves that f uses besides, which `leaves` must name. f must give the same
/// numbers both times, and what it refers to must live until then.
at::Tensor recompute(RecomputeFn f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& leaves);

}  // namespace routedk::model
