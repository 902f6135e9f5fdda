#include "launch.h"
#include "launchers.h"

#include <cmath>

namespace routedk::kernels::cuda {
namespace {

__global__ void adamw_elements(const float* g, float* p, float* m, float* v, std::int64_t count,
                               AdamWFactors f) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count;
       i += step) {
    const float gradient = g[i] * f.scale;
    m[i] = f.beta1 * m[i] + f.rest1 * gradient;
    v[i] = f.beta2 * v[i] + f.rest2 * gradient * gradient;
    p[i] = f.keep * p[i] - f.rate * m[i] / (sqrtf(v[i]) * f.root + f.epsilon);
  }
}

}  // namespace

void launch_adamw(const float* grads, float* values, float* first, float* second, std::int64_t count,
                  const AdamWFactors& factors, Stream stream) {
  launch("adamw_step", adamw_elements, grid_for(count), stream, grads, values, first, second, count, factors);
}

}  // namespace routedk::kernels::cuda
