#include "routedk/kernels/adamw.h"

#include <algorithm>

#include "devices.h"

namespace routedk::kernels {

AdamWMoments AdamWMoments::zeros_like(const at::Tensor& values) {
  return {at::zeros_like(values), at::zeros_like(values)};
}

void adamw_step(const AdamWOptions& config, const AdamWStep& step, const at::Tensor& grads,
                const at::Tensor& values, const AdamWMoments& moments) {
  values.is_cuda() ? cuda::adamw_step(config, step, grads, values, moments)
                   : cpu::adamw_step(config, step, grads, values, moments);
}

double gradient_norm(const at::Tensor& grads) {
  return at::linalg_vector_norm(grads, 2, {}, false, at::kDouble).item<double>();
}

double clip_scale(double norm, double max_norm) noexcept {
  return std::min(1.0, max_norm / (norm + 1e-6));
}

}  // namespace routedk::kernels
