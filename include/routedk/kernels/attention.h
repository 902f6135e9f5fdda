/// Attention among the tokens of a batch; with keys of earlier passes: kv_cache.h.
#pragma once

#include "routedk/kernels/precision.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// Tokens begin .. end of a batch, one after another; of a prompt with several answers, the prompt is one and
/// each answer another.
struct Segment {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t parent = -1;  ///< the earlier segment, itself without one, that all its tokens see; -1: none
};

/// Causal attention, scaled by 1/sqrt(C): q [T,H,C], k and v [T,G,C] -> [T,H,C]; H/G query heads share a
/// key/value head. A token sees its segment's up to itself, and its segment's parent. In fp32 what a segment
/// computes does not depend on those beside it or on the number of threads. Error when a parent is not such.
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<Segment>& segments, Precision precision = Precision::kFloat32);

}  // namespace routedk::kernels
