/// Attention among the tokens of a batch; with keys of earlier passes: kv_cache.h.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Causal attention within each sequence, scaled by 1/sqrt(C): q [T,H,C], k and v [T,G,C] -> [T,H,C]; H/G
/// query heads share a key/value head. bounds [S+1]: sequence s is tokens bounds[s] .. bounds[s+1]. In fp32
/// what a sequence computes does not depend on those beside it or on the number of threads.
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<std::int64_t>& bounds);

}  // namespace routedk::kernels
