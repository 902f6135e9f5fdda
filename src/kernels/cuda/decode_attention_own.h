/// A row's own keys and one key head.
#pragma once

#include "decode_attention_rotation.h"

namespace routedk::kernels::cuda {

/// A lane's C/32 adjacent columns, from bf16.
template <int C>
struct Columns {
  float v[C / 32];

  ROUTEDK_DEVICE void load(const void* from) {
    if constexpr (C == 128) {
      const uint2 pairs = *static_cast<const uint2*>(from);
      v[0] = bfloat16_to_float(pairs.x & 0xFFFFU), v[1] = bfloat16_to_float(pairs.x >> 16);
      v[2] = bfloat16_to_float(pairs.y & 0xFFFFU), v[3] = bfloat16_to_float(pairs.y >> 16);
    } else {
      const std::uint32_t pair = *static_cast<const std::uint32_t*>(from);
      v[0] = bfloat16_to_float(pair & 0xFFFFU), v[1] = bfloat16_to_float(pair >> 16);
    }
  }
  ROUTEDK_DEVICE float dot(const Columns& other) const {
    float sum = 0.0F;
#pragma unroll
    for (int c = 0; c < C / 32; ++c) {
      sum += v[c] * other.v[c];
    }
    return sum;
  }
};

/// One row's own tokens for one key head: one warp per query head, or several that share its keys.
template <int C, bool kOneRow>
ROUTEDK_DEVICE void attend_own(const DecodeAttention& p, int index) {
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid & 31;
  const int warp = tid >> 5;
  const int m = index / p.shape.kv_heads;
  const int kv_head = index % p.shape.kv_heads;
  const int group = p.shape.group();
  const int sharing = 8 / group;
  const StepRow row = p.tables.rows[m];
  wait_for_kernels_before();
  if (row.branch < 0) {
    return;
  }
  const bool works = warp < group * sharing;
  const int in_group = warp % group;
  const int share = warp / group;
  const int head = kv_head * group + in_group;
  const int count = row.own + 1;
  const std::int64_t first = own_place(p, row, kv_head) - static_cast<std::int64_t>(row.own) * C;
  Columns<C> q;
  if constexpr (kOneRow) {
    unsigned char* queries = shared_memory();
    rotate_queries<C>(p, kv_head, queries);
    if (tid < C) {  // first the new key, then the new value
      const int i = tid % (C / 2);
      const bool key = tid < C / 2;
      const float2 v = rotated_pair(p, 0, p.shape.heads + (key ? 0 : p.shape.kv_heads) + kv_head, i, key);
      std::uint16_t* to = (key ? p.own->k : p.own->v) + own_place(p, row, kv_head);
      to[i] = float_to_bfloat16(v.x);
      to[i + C / 2] = float_to_bfloat16(v.y);
    }
    __syncthreads();
    const int column = lane * (C / 32);
    q.load(queries + place_of<C>(in_group, column / 8) + column % 8 * 2);
  } else {
    q.load(p.q + (static_cast<std::int64_t>(m) * p.shape.heads + head) * C + lane * (C / 32));
  }
  const std::uint16_t* keys = p.own->k + first + lane * (C / 32);
  const std::uint16_t* values = p.own->v + first + lane * (C / 32);
  float largest = -1e30F;
  float total = 0.0F;
  float sums[C / 32] = {};
  for (int j0 = share; works && j0 < count; j0 += 4 * sharing) {  // 4 keys at a time
    float s[4];
    Columns<C> v[4];
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const int j = j0 + sharing * u < count ? j0 + sharing * u : count - 1;
      Columns<C> k;
      k.load(keys + static_cast<std::int64_t>(j) * C);
      v[u].load(values + static_cast<std::int64_t>(j) * C);
      s[u] = q.dot(k);
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask >>= 1) {
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        s[u] += shuffle_xor(s[u], mask);
      }
    }
    float top = largest;
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      s[u] = j0 + sharing * u < count ? s[u] : -INFINITY;
      top = fmaxf(top, s[u]);
    }
    const float kept = power_of_2(largest - top);
    largest = top;
    total *= kept;
#pragma unroll
    for (int c = 0; c < C / 32; ++c) {
      sums[c] *= kept;
    }
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const float weight = power_of_2(s[u] - largest);
      total += weight;
#pragma unroll
      for (int c = 0; c < C / 32; ++c) {
        sums[c] += weight * v[u].v[c];
      }
    }
  }
  auto* of_warps = reinterpret_cast<float*>(shared_memory() + 8 * C * 2);  // [8][C + 2], after the queries
  float* mine = of_warps + warp * (C + 2);
#pragma unroll
  for (int c = 0; c < C / 32; ++c) {
    mine[lane * (C / 32) + c] = sums[c];
  }
  if (lane == 0) {
    mine[C] = largest;
    mine[C + 1] = total;
  }
  __syncthreads();
  if (warp >= group) {
    return;
  }
  float top = largest;
  for (int u = 1; u < sharing; ++u) {
    top = fmaxf(top, of_warps[(warp + u * group) * (C + 2) + C]);
  }
  float joined[C / 32] = {};
  float joined_total = 0.0F;
  for (int u = 0; u < sharing; ++u) {
    const float* from = of_warps + (warp + u * group) * (C + 2);
    const float weight = power_of_2(from[C] - top);
    joined_total += weight * from[C + 1];
#pragma unroll
    for (int c = 0; c < C / 32; ++c) {
      joined[c] += weight * from[lane * (C / 32) + c];
    }
  }
  const std::int64_t state =
      (static_cast<std::int64_t>(p.tables.parts[m] - 1) * p.rows + m) * p.shape.heads + head;
#pragma unroll
  for (int c = 0; c < C / 32; ++c) {
    p.sums[state * C + lane * (C / 32) + c] = joined[c];
  }
  if (lane == 0) {
    p.states[state] = float2{top, joined_total};
  }
}

}  // namespace routedk::kernels::cuda
