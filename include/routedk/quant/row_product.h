/// Dense products whose rows do not depend on each other; for inference.
#pragma once

#include <ATen/ATen.h>

namespace routedk::quant {

/// x W^T, x [T,in], weight [out,in]. In fp32 a row's bits depend on that row alone (quant/cpu/matmul.h),
/// which LibTorch's product does not promise; in other types LibTorch multiplies. Without gradients.
at::Tensor row_product(const at::Tensor& x, const at::Tensor& weight);
/// y + x M, x [T,r], m [r,out], likewise.
at::Tensor row_product_added(const at::Tensor& y, const at::Tensor& x, const at::Tensor& m);

}  // namespace routedk::quant
