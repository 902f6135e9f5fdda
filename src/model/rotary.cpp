#include "routedk/model/rotary.h"

#include <cmath>

#include "cpu/rows.h"
#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor stretch(const at::Tensor& inverse, const RopeScaling& s) {
  const auto context = static_cast<double>(s.original_context);
  const at::Tensor wavelength = at::reciprocal(inverse) * (2.0 * M_PI);  // [C/2], in tokens
  const at::Tensor slowed = inverse / s.factor;
  const at::Tensor share =
      (at::reciprocal(wavelength) * context - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  const at::Tensor between = (1.0 - share) * slowed + share * inverse;
  const at::Tensor fast = at::where(wavelength < context / s.high_freq_factor, inverse, between);
  return at::where(wavelength > context / s.low_freq_factor, slowed, fast);
}

}  // namespace

at::Tensor inverse_frequencies(const LlamaConfig& config) {
  const at::Tensor exponents =
      at::arange(0, config.head_dim, 2, at::kFloat) / static_cast<double>(config.head_dim);
  at::Tensor inverse = at::reciprocal(at::pow(at::scalar_tensor(config.rope_theta, at::kFloat), exponents));
  if (config.rope_scaling) {
    inverse = stretch(inverse, *config.rope_scaling);
  }
  if (!config.rope_divisors.empty()) {
    inverse = inverse / at::tensor(at::ArrayRef<float>(config.rope_divisors));
  }
  return inverse;
}

RotaryTables Rotary::tables(const at::Tensor& positions, at::ScalarType dtype) const {
  const at::Tensor angles = at::outer(positions.to(at::kFloat), inverse_frequencies_).unsqueeze(1);
  return {angles.cos().to(dtype), angles.sin().to(dtype)};
}

namespace {

/// One row of heads; `direction` 1 turns, -1 turns back.
template <typename T>
ROUTEDK_INLINE void turn(const T* x, const T* cosines, const T* sines, T* y, std::int64_t heads,
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

ROUTEDK_CLONES void turn_row(const float* x, const float* cosines, const float* sines, float* y,
                             std::int64_t heads, std::int64_t half, float direction) {
  turn(x, cosines, sines, y, heads, half, direction);
}
ROUTEDK_CLONES void turn_row(const c10::BFloat16* x, const c10::BFloat16* cosines, const c10::BFloat16* sines,
                             c10::BFloat16* y, std::int64_t heads, std::int64_t half, float direction) {
  turn(x, cosines, sines, y, heads, half, direction);
}
void turn_row(const double* x, const double* cosines, const double* sines, double* y, std::int64_t heads,
              std::int64_t half, float direction) {
  turn(x, cosines, sines, y, heads, half, direction);
}

at::Tensor turned(const at::Tensor& input, const at::Tensor& cosines, const at::Tensor& sines,
                  float direction) {
  const at::Tensor x = input.contiguous();
  at::Tensor y = at::empty_like(x);
  const std::int64_t heads = x.size(1);
  const std::int64_t half = x.size(2) / 2;
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "rotate", [&] {
    const auto* from = x.const_data_ptr<scalar_t>();
    const auto* c = cosines.const_data_ptr<scalar_t>();
    const auto* s = sines.const_data_ptr<scalar_t>();
    auto* to = y.mutable_data_ptr<scalar_t>();
    cpu::for_rows(x.size(0), heads * half * 2, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t at = row * heads * half * 2;
        turn_row(from + at, c + row * half, s + row * half, to + at, heads, half, direction);
      }
    });
  });
  return y;
}

/// A rotation's transpose turns back.
struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cosines,
                            const at::Tensor& sines) {
    ctx->save_for_backward({cosines, sines});
    return turned(x, cosines, sines, 1.0F);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list tables = ctx->get_saved_variables();
    return {turned(grads[0], tables[0], tables[1], -1.0F), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void rotate_row(float* x, const float* cosines, const float* sines, std::int64_t heads, std::int64_t half) {
  turn_row(x, cosines, sines, x, heads, half, 1.0F);
}

at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables) {
  return Rotate::apply(x, tables.cos, tables.sin);
}

}  // namespace routedk::model
