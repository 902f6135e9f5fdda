#include "routedk/model/rotary.h"

namespace routedk::model {

Rotary::Rotary(std::int64_t head_dim, double theta) {
  const at::Tensor exponents = at::arange(0, head_dim, 2, at::kFloat) / static_cast<double>(head_dim);
  inverse_frequencies_ = at::reciprocal(at::pow(at::scalar_tensor(theta, at::kFloat), exponents));
}

RotaryTables Rotary::tables(const at::Tensor& positions, at::ScalarType dtype) const {
  const at::Tensor angles = at::outer(positions.to(at::kFloat), inverse_frequencies_).unsqueeze(1);
  return {angles.cos().to(dtype), angles.sin().to(dtype)};
}

at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables) {
  const auto halves = x.chunk(2, -1);
  return at::cat(
      {halves[0] * tables.cos - halves[1] * tables.sin, halves[1] * tables.cos + halves[0] * tables.sin}, -1);
}

}  // namespace routedk::model
