#include "routedk/kernels/cpu/row_operations.h"
#include "routedk/kernels/cpu/softmax.h"

#include <cmath>

#include "../devices.h"
#include "rows.h"
#include <ATen/Dispatch.h>

namespace routedk::kernels::cpu {
namespace {

ROUTEDK_INLINE float sigmoid(float x) {
  return 1.0F / (1.0F + exponential(-x));
}
ROUTEDK_INLINE double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

template <typename T>
ROUTEDK_INLINE void activate(const T* gate, const T* up, T* y, std::int64_t size) {
  using Real = at::opmath_type<T>;
  for (std::int64_t i = 0; i < size; ++i) {
    const Real g = gate[i];
    y[i] = static_cast<T>(g * sigmoid(g) * static_cast<Real>(up[i]));
  }
}

template <typename T>
struct Gradients {
  const T* dy;
  const T* gate;
  const T* up;
  T* dgate;
  T* dup;
};

template <typename T>
ROUTEDK_INLINE void differentiate(const Gradients<T>& at, std::int64_t first, std::int64_t last) {
  using Real = at::opmath_type<T>;
  const T* const dy = at.dy;
  const T* const gate = at.gate;
  const T* const up = at.up;
  T* const dgate = at.dgate;
  T* const dup = at.dup;
  for (std::int64_t i = first; i < last; ++i) {
    const Real g = gate[i];
    const Real grad = dy[i];
    const Real s = sigmoid(g);
    dgate[i] = static_cast<T>(grad * static_cast<Real>(up[i]) * s * (Real(1) + g * (Real(1) - s)));
    dup[i] = static_cast<T>(grad * g * s);
  }
}

ROUTEDK_CLONES void forward_range(const float* gate, const float* up, float* y, std::int64_t size) {
  activate(gate, up, y, size);
}
ROUTEDK_CLONES void forward_range(const c10::BFloat16* gate, const c10::BFloat16* up, c10::BFloat16* y,
                                  std::int64_t size) {
  activate(gate, up, y, size);
}
void forward_range(const double* gate, const double* up, double* y, std::int64_t size) {
  activate(gate, up, y, size);
}
ROUTEDK_CLONES void backward_range(const Gradients<float>& at, std::int64_t first, std::int64_t last) {
  differentiate(at, first, last);
}
ROUTEDK_CLONES void backward_range(const Gradients<c10::BFloat16>& at, std::int64_t first,
                                   std::int64_t last) {
  differentiate(at, first, last);
}
void backward_range(const Gradients<double>& at, std::int64_t first, std::int64_t last) {
  differentiate(at, first, last);
}

}  // namespace

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  at::Tensor y = at::empty_like(gate);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, gate.scalar_type(), "swiglu", [&] {
    const auto* g = gate.const_data_ptr<scalar_t>();
    const auto* u = up.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, gate.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
      forward_range(g + first, u + first, to + first, last - first);
    });
  });
  return y;
}

std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                  const at::Tensor& up) {
  at::Tensor dgate = at::empty_like(dy);
  at::Tensor dup = at::empty_like(dy);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, dy.scalar_type(), "swiglu_backward", [&] {
    const Gradients<scalar_t> all{dy.const_data_ptr<scalar_t>(), gate.const_data_ptr<scalar_t>(),
                                  up.const_data_ptr<scalar_t>(), dgate.mutable_data_ptr<scalar_t>(),
                                  dup.mutable_data_ptr<scalar_t>()};
    at::parallel_for(0, dy.numel(), kGrain,
                     [&](std::int64_t first, std::int64_t last) { backward_range(all, first, last); });
  });
  return {dgate, dup};
}

void swiglu_row(const float* gate, const float* up, float* y, std::int64_t size) {
  forward_range(gate, up, y, size);
}

}  // namespace routedk::kernels::cpu
