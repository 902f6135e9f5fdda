/// A check for finite numbers.
#pragma once

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Whether no value is infinite or NaN; makes no copy.
bool all_finite(const at::Tensor& values);

}  // namespace routedk::kernels
