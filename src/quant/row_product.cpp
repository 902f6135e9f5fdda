#include "routedk/quant/row_product.h"

#include "routedk/quant/cpu/matmul.h"
namespace routedk::quant {
namespace {

cpu::DenseMatrix view(const at::Tensor& m) {
  return {m.const_data_ptr<float>(), m.size(0), m.size(1)};
}

}  // namespace

at::Tensor row_product(const at::Tensor& x, const at::Tensor& weight) {
  if (x.scalar_type() != at::kFloat) {
    return at::mm(x, weight.t());
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor matrix = weight.contiguous();
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
  cpu::matmul(rows.const_data_ptr<float>(), x.size(0), view(matrix), y.mutable_data_ptr<float>());
  return y;
}

at::Tensor row_product_added(const at::Tensor& y, const at::Tensor& x, const at::Tensor& m) {
  if (x.scalar_type() != at::kFloat) {
    return at::addmm(y, x, m);
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor matrix = m.contiguous();
  at::Tensor product = at::empty({x.size(0), m.size(1)}, x.options());
  cpu::matmul_backward(rows.const_data_ptr<float>(), x.size(0), view(matrix),
                       product.mutable_data_ptr<float>());
  return product.add_(y);
}

}  // namespace routedk::quant
