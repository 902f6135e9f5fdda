#include "../devices.h"

namespace routedk::kernels::cpu {
namespace {

/// Log-probabilities (overwritten) -> d loss / d logits = w (p - ((1 - e) one-hot + e / V)).
at::Tensor gradient_of(at::Tensor& logs, const at::Tensor& target, const TokenTargets& targets) {
  at::Tensor d = logs.exp_();
  if (targets.smoothing > 0.0) {
    d.sub_(targets.smoothing / static_cast<double>(d.size(1)));
  }
  d.scatter_add_(1, target, at::full_like(target, targets.smoothing - 1.0, at::kFloat));
  return targets.weights.defined() ? d.mul_(targets.weights.unsqueeze(1)) : d;
}

}  // namespace

TokenLosses cross_entropy(const at::Tensor& logits, const TokenTargets& targets, bool with_gradient,
                          at::ScalarType gradient_type) {
  TORCH_INTERNAL_ASSERT(gradient_type == at::kFloat);
  const at::Tensor target = targets.tokens.unsqueeze(1);
  at::Tensor logs = at::log_softmax(logits, -1);  // [n,V]
  TokenLosses found;
  found.unsmooth = logs.gather(1, target).squeeze(1).neg_();
  found.losses = targets.smoothing > 0.0
                     ? found.unsmooth * (1.0 - targets.smoothing) - logs.mean(1) * targets.smoothing
                     : found.unsmooth;
  if (with_gradient) {
    found.gradient = gradient_of(logs, target, targets);
  }
  return found;
}

}  // namespace routedk::kernels::cpu
