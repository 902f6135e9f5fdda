#include "../devices.h"
#include "tensors.h"

namespace routedk::kernels::cuda {

TokenLosses cross_entropy(const at::Tensor& logits, const TokenTargets& targets, bool with_gradient,
                          at::ScalarType gradient_type) {
  const at::Tensor rows = logits.contiguous();
  const std::int64_t count = rows.size(0);
  TokenLosses found{at::empty({count}, rows.options()), at::empty({count}, rows.options()), {}};
  if (with_gradient) {
    found.gradient = at::empty(rows.sizes(), rows.options().dtype(gradient_type));
  }
  with_type(gradient_type, [&]<typename T>() {
    launch_cross_entropy<T>(
        {data<float>(rows), data<std::int64_t>(targets.tokens),
         targets.weights.defined() ? data<float>(targets.weights) : nullptr,
         static_cast<float>(targets.smoothing), rows.size(1), mutable_data<float>(found.losses),
         mutable_data<float>(found.unsmooth), with_gradient ? mutable_data<T>(found.gradient) : nullptr},
        count, current_stream());
  });
  return found;
}

}  // namespace routedk::kernels::cuda
