#include "routedk/kernels/cpu/row_operations.h"

#include "../devices.h"
#include "rows.h"
#include <ATen/Dispatch.h>

namespace routedk::kernels::cpu {
namespace {

/// One row of heads; `direction` 1 rotates, -1 rotates back.
template <typename T>
ROUTEDK_INLINE void rotate_heads(const T* x, const T* cosines, const T* sines, T* y, std::int64_t heads,
                                 std::int64_t half, float direction) {
  using Real = at::opmath_type<T>;
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t i = 0; i < half; ++i) {
      const Real a = x[i];
      const Real b = x[half + i];
      const Real c = cosines[i];
      const Real s = static_cast<Real>(sines[i]) * static_cast<Real>(direction);
      y[i] = static_cast<T>(a * c - b * s);
      y[half + i] = static_cast<T>(b * c + a * s);
    }
    x += 2 * half;
    y += 2 * half;
  }
}

ROUTEDK_CLONES void rotate_row(const float* x, const float* cosines, const float* sines, float* y,
                               std::int64_t heads, std::int64_t half, float direction) {
  rotate_heads(x, cosines, sines, y, heads, half, direction);
}
ROUTEDK_CLONES void rotate_row(const c10::BFloat16* x, const c10::BFloat16* cosines,
                               const c10::BFloat16* sines, c10::BFloat16* y, std::int64_t heads,
                               std::int64_t half, float direction) {
  rotate_heads(x, cosines, sines, y, heads, half, direction);
}
void rotate_row(const double* x, const double* cosines, const double* sines, double* y, std::int64_t heads,
                std::int64_t half, float direction) {
  rotate_heads(x, cosines, sines, y, heads, half, direction);
}

}  // namespace

at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables, Direction direction) {
  at::Tensor y = at::empty_like(x);
  const auto sign = static_cast<float>(direction);
  const std::int64_t heads = x.size(1);
  const std::int64_t half = x.size(2) / 2;
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "rotate", [&] {
    const auto* from = x.const_data_ptr<scalar_t>();
    const auto* c = tables.cos.const_data_ptr<scalar_t>();
    const auto* s = tables.sin.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    for_rows(x.size(0), heads * half * 2, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t at = row * heads * half * 2;
        rotate_row(from + at, c + row * half, s + row * half, to + at, heads, half, sign);
      }
    });
  });
  return y;
}

void rotate_row(float* x, const float* cosines, const float* sines, std::int64_t heads, std::int64_t half) {
  rotate_row(x, cosines, sines, x, heads, half, 1.0F);
}

}  // namespace routedk::kernels::cpu
