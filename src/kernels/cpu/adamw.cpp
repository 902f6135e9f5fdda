#include <cmath>

#include "../devices.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

/// The least number of elements per thread.
constexpr std::int64_t kGrain = 16384;

/// The constants of a step: computed in fp64, stored in fp32.
struct Factors {
  Factors(const AdamWOptions& config, const AdamWStep& step)
      : beta1(static_cast<float>(config.beta1)),
        beta2(static_cast<float>(config.beta2)),
        rest1(static_cast<float>(1.0 - config.beta1)),
        rest2(static_cast<float>(1.0 - config.beta2)),
        epsilon(static_cast<float>(config.epsilon)),
        keep(static_cast<float>(1.0 - step.learning_rate * config.weight_decay)),
        scale(static_cast<float>(step.gradient_scale)),
        rate(static_cast<float>(step.learning_rate / correction(config.beta1, step.number))),
        root(static_cast<float>(1.0 / std::sqrt(correction(config.beta2, step.number)))) {}

  static double correction(double beta, std::int64_t t) {
    return 1.0 - std::pow(beta, static_cast<double>(t));
  }

  float beta1, beta2, rest1, rest2, epsilon, keep, scale, rate, root;
};

}  // namespace

void adamw_step(const AdamWOptions& config, const AdamWStep& step, const at::Tensor& grads,
                const at::Tensor& values, const AdamWMoments& moments) {
  const Factors f(config, step);
  const auto* g = grads.const_data_ptr<float>();
  auto* p = values.mutable_data_ptr<float>();
  auto* m = moments.first.mutable_data_ptr<float>();
  auto* v = moments.second.mutable_data_ptr<float>();
  at::parallel_for(0, values.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float gradient = g[i] * f.scale;
      m[i] = f.beta1 * m[i] + f.rest1 * gradient;
      v[i] = f.beta2 * v[i] + f.rest2 * gradient * gradient;
      p[i] = f.keep * p[i] - f.rate * m[i] / (std::sqrt(v[i]) * f.root + f.epsilon);
    }
  });
}

}  // namespace routedk::kernels::cpu
