/// Adam with decoupled weight decay (arXiv 1711.05101) over a flat buffer.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::kernels {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
};

/// What changes from step to step.
struct AdamWStep {
  std::int64_t number = 1;  ///< t, counted from 1, for the bias correction
  double learning_rate = 0.0;
  double gradient_scale = 1.0;  ///< applied to the gradient first (clipping)
};

/// Both moments [P] F32, on the device of the values, zero at the start.
struct AdamWMoments {
  at::Tensor first;
  at::Tensor second;

  static AdamWMoments zeros_like(const at::Tensor& values);
};

/// values, grads [P] F32. One elementwise pass over all buffers, so the result does not depend on the number
/// of threads:
///   m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2,
///   p = p (1 - lr wd) - lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps).
void adamw_step(const AdamWOptions& config, const AdamWStep& step, const at::Tensor& grads,
                const at::Tensor& values, const AdamWMoments& moments);

/// The Euclidean length of a flat gradient [P].
double gradient_norm(const at::Tensor& grads);

/// min(1, max_norm / (norm + 1e-6)), as torch's clip_grad_norm_.
double clip_scale(double norm, double max_norm) noexcept;

}  // namespace routedk::kernels
