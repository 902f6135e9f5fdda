#include "routedk/kernels/cpu/row_operations.h"

#include <cmath>

#include "../devices.h"
#include "rows.h"
#include <ATen/Dispatch.h>

namespace routedk::kernels::cpu {
namespace {

template <typename T>
ROUTEDK_INLINE void normalise(const T* x, const T* weight, T* y, at::opmath_type<T>* scale, double eps,
                              std::int64_t width) {
  using Sum = at::opmath_type<T>;
  const Sum squares = sum_of<Sum>(width, [x](std::int64_t i) {
    const Sum value = x[i];
    return value * value;
  });
  *scale = Sum(1) / std::sqrt(squares / static_cast<Sum>(width) + static_cast<Sum>(eps));
  for (std::int64_t i = 0; i < width; ++i) {
    y[i] = static_cast<T>(static_cast<Sum>(x[i]) * *scale * static_cast<Sum>(weight[i]));
  }
}

/// dx = s w dy - x s^3 mean(w dy x), s the row's scale.
template <typename T>
ROUTEDK_INLINE void rms_norm_backward_row(const T* dy, const T* x, const T* weight, at::opmath_type<T> scale,
                                          T* dx, std::int64_t width) {
  using Sum = at::opmath_type<T>;
  const Sum along = sum_of<Sum>(width, [=](std::int64_t i) {
    return static_cast<Sum>(dy[i]) * static_cast<Sum>(weight[i]) * static_cast<Sum>(x[i]);
  });
  const Sum back = along * scale * scale * scale / static_cast<Sum>(width);
  for (std::int64_t i = 0; i < width; ++i) {
    dx[i] = static_cast<T>(static_cast<Sum>(dy[i]) * static_cast<Sum>(weight[i]) * scale -
                           static_cast<Sum>(x[i]) * back);
  }
}

ROUTEDK_CLONES void forward_row(const float* x, const float* w, float* y, float* scale, double eps,
                                std::int64_t width) {
  normalise(x, w, y, scale, eps, width);
}
ROUTEDK_CLONES void forward_row(const c10::BFloat16* x, const c10::BFloat16* w, c10::BFloat16* y,
                                float* scale, double eps, std::int64_t width) {
  normalise(x, w, y, scale, eps, width);
}
void forward_row(const double* x, const double* w, double* y, double* scale, double eps, std::int64_t width) {
  normalise(x, w, y, scale, eps, width);
}
ROUTEDK_CLONES void backward_row(const float* dy, const float* x, const float* w, float scale, float* dx,
                                 std::int64_t width) {
  rms_norm_backward_row(dy, x, w, scale, dx, width);
}
ROUTEDK_CLONES void backward_row(const c10::BFloat16* dy, const c10::BFloat16* x, const c10::BFloat16* w,
                                 float scale, c10::BFloat16* dx, std::int64_t width) {
  rms_norm_backward_row(dy, x, w, scale, dx, width);
}
void backward_row(const double* dy, const double* x, const double* w, double scale, double* dx,
                  std::int64_t width) {
  rms_norm_backward_row(dy, x, w, scale, dx, width);
}

template <typename T>
void forward_rows(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
                  const at::Tensor& scale) {
  const std::int64_t width = x.size(1);
  const auto* from = x.const_data_ptr<T>();
  const auto* w = weight.const_data_ptr<T>();
  auto* to = y.mutable_data_ptr<T>();
  auto* scales = scale.mutable_data_ptr<at::opmath_type<T>>();
  for_rows(x.size(0), width, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      forward_row(from + row * width, w, to + row * width, scales + row, eps, width);
    }
  });
}

template <typename T>
void backward_rows(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                   const at::Tensor& scale, const at::Tensor& dx) {
  const std::int64_t width = x.size(1);
  const auto* grad = dy.const_data_ptr<T>();
  const auto* from = x.const_data_ptr<T>();
  const auto* w = weight.const_data_ptr<T>();
  const auto* scales = scale.const_data_ptr<at::opmath_type<T>>();
  auto* to = dx.mutable_data_ptr<T>();
  for_rows(x.size(0), width, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      backward_row(grad + row * width, from + row * width, w, scales[row], to + row * width, width);
    }
  });
}

}  // namespace

NormOutput rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::ScalarType to) {
  TORCH_INTERNAL_ASSERT(to == x.scalar_type());
  NormOutput output{
      at::empty_like(x),
      at::empty({x.size(0)}, x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat))};
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "rms_norm",
                                 [&] { forward_rows<scalar_t>(x, weight, eps, output.y, output.scale); });
  return output;
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const NormInput& input) {
  at::Tensor dx = at::empty_like(dy);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, dy.scalar_type(), "rms_norm_backward", [&] {
    backward_rows<scalar_t>(dy, input.x, input.weight, input.scale, dx);
  });
  return dx;
}

void rms_norm_row(const float* x, const float* weight, float* y, double eps, std::int64_t width) {
  float scale = 0.0F;
  forward_row(x, weight, y, &scale, eps, width);
}

}  // namespace routedk::kernels::cpu
