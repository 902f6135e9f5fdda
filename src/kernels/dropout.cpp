#include "routedk/kernels/dropout.h"

#include <cmath>
#include <utility>

#include "devices.h"

namespace routedk::kernels {

KeyedDropout::KeyedDropout(double rate, std::vector<DropoutSegment> segments)
    : mask_{static_cast<std::uint32_t>(std::lround(rate * 65536.0)), std::move(segments)} {}

at::Tensor KeyedDropout::operator()(const at::Tensor& x) const {
  if (keeps_all()) {
    return x;
  }
  return x.is_cuda() ? cuda::dropout(x, mask_) : cpu::dropout(x, mask_);
}

void KeyedDropout::add_product(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right) const {
  if (keeps_all()) {
    sum.addmm_(left, right);
  } else if (sum.is_cuda()) {
    cuda::add_dropped_product(sum, left, right, mask_);
  } else {
    cpu::add_dropped_product(sum, left, right, mask_);
  }
}

}  // namespace routedk::kernels
