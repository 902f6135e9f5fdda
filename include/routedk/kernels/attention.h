/// Attention among the tokens of a batch. For keys of earlier passes see kv_cache.h.
#pragma once

#include "routedk/kernels/precision.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Tokens begin .. end of a batch, contiguous. For a prompt with several answers, the prompt is one segment
/// and each answer another.
struct Segment {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t parent = -1;  ///< the earlier segment that its tokens also see, itself without one; -1: none
};

/// Causal attention, scaled by 1/sqrt(C): q [T,H,C], k and v [T,G,C] -> [T,H,C]; H/G query heads share a
/// key/value head. A token sees its own segment up to itself, and all of its segment's parent. In fp32 the
/// result of a segment does not depend on other segments or on the number of threads. Error when a parent is
/// invalid.
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<Segment>& segments, Precision precision = Precision::kFloat32);

}  // namespace routedk::kernels
