/// Values for kernels: none repeats, none is special.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

namespace routedk::testing {

/// sin(frequency i) of the element's number i, fp32.
inline at::Tensor wave(at::IntArrayRef shape, double frequency) {
  return at::sin(at::arange(c10::multiply_integers(shape), at::kFloat) * frequency).view(shape);
}

}  // namespace routedk::testing
