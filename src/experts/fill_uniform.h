/// Random initial values of a factor.
#pragma once

#include "routedk/core/random.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

/// Uniform in +-bound.
inline void fill_uniform(const at::Tensor& tensor, double bound, Random random) {
  std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
  for (float& value : values) {
    value = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
  }
  tensor.copy_(at::tensor(values).view(tensor.sizes()));
}

}  // namespace routedk::experts
