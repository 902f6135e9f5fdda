#include "routedk/kernels/cross_entropy.h"

#include "devices.h"

namespace routedk::kernels {

TokenLosses cross_entropy(const at::Tensor& logits, const TokenTargets& targets, bool with_gradient,
                          at::ScalarType gradient_type) {
  return logits.is_cuda() ? cuda::cross_entropy(logits, targets, with_gradient, gradient_type)
                          : cpu::cross_entropy(logits, targets, with_gradient, gradient_type);
}

}  // namespace routedk::kernels
