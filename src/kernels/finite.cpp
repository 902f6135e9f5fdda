#include "routedk/kernels/finite.h"

#include <cmath>

namespace routedk::kernels {

bool all_finite(const at::Tensor& values) {
  if (values.numel() == 0) {
    return true;
  }
  const auto [least, most] = at::aminmax(values);  // both are NaN if any value is
  return std::isfinite(least.item<float>()) && std::isfinite(most.item<float>());
}

}  // namespace routedk::kernels
