/// Rotated queries and keys of a decoding step, and where they are stored.
#pragma once

#include "decode_kernels.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {

constexpr unsigned kAttentionThreads = 256;
constexpr float kLog2E = 1.4426950408889634F;

/// Columns i and i + C/2 of a head, summed over the parts, rotated if `rotates`.
ROUTEDK_DEVICE float2 rotated_pair(const DecodeAttention& p, int m, int head, int i, bool rotates) {
  const int half = p.shape.size / 2;
  const int width = (p.shape.heads + 2 * p.shape.kv_heads) * p.shape.size;
  float a = 0.0F;
  float b = 0.0F;
  for (int s = 0; s < p.count; ++s) {
    const float* from = p.qkv + (static_cast<std::int64_t>(s) * p.rows + m) * width + head * p.shape.size + i;
    a += from[0];
    b += from[half];
  }
  if (!rotates) {
    return float2{a, b};
  }
  const float2 angle = p.angles[m * half + i];
  return float2{a * angle.x - b * angle.y, b * angle.x + a * angle.y};
}
ROUTEDK_DEVICE std::int64_t own_place(const DecodeAttention& p, const StepRow& row, int kv_head) {
  return ((static_cast<std::int64_t>(row.branch) * p.shape.kv_heads + kv_head) * *p.tables.room + row.own) *
         p.shape.size;
}

/// Offset of 16 bytes of a row of C bf16 in shared memory, chosen so that the rows of a matrix are in
/// different banks.
template <int C>
ROUTEDK_DEVICE int place_of(int row, int piece) {
  return row * C * 2 + ((piece ^ (row & 7)) << 4);
}

/// Writes the queries of a key head to rows 0 .. group of Q, for a step of one row.
template <int C>
ROUTEDK_DEVICE void rotate_queries(const DecodeAttention& p, int kv_head, unsigned char* queries) {
  const float scale = kLog2E * inverse_root(static_cast<float>(C));
  for (int j = static_cast<int>(threadIdx.x); j < p.shape.group() * (C / 2); j += kAttentionThreads) {
    const int head = j / (C / 2);
    const int i = j % (C / 2);
    const float2 v = rotated_pair(p, 0, kv_head * p.shape.group() + head, i, true);
    const auto put = [&](int column, float x) {
      *reinterpret_cast<std::uint16_t*>(queries + place_of<C>(head, column / 8) + column % 8 * 2) =
          float_to_bfloat16(x * scale);
    };
    put(i, v.x);
    put(i + C / 2, v.y);
  }
}

}  // namespace routedk::kernels::cuda
