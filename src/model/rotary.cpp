#include "routedk/model/rotary.h"

#include <cmath>

namespace routedk::model {
namespace {

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

kernels::RotaryTables Rotary::tables(const at::Tensor& positions, at::ScalarType dtype) const {
  const at::Tensor angles = at::outer(positions.to(at::kFloat), inverse_frequencies_).unsqueeze(1);
  return {angles.cos().to(dtype), angles.sin().to(dtype)};
}

}  // namespace routedk::model
