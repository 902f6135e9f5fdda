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

}  // namespace routedk::kernels
