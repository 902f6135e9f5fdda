/// Computes the single row x of decode_product from its source (RowSource).
#pragma once

#include "decode_product.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {

/// Offset in bytes of columns k, k+1 (k even) of a single row in fragment order.
ROUTEDK_DEVICE int place_in_row(int k) {
  const int word = (k & 63) >> 1;
  return (k >> 6) * 128 + (word >> 4) * 64 + (word & 3) * 16 + ((word >> 3) & 1) * 8 + ((word >> 2) & 1) * 4;
}

ROUTEDK_DEVICE void put_pair(unsigned char* to, float a, float b) {
  *reinterpret_cast<std::uint32_t*>(to) = round_pair(a, b);
}

/// Columns begin .. begin + count of RMSNorm(hidden + parts) * gain; uses all threads, 8 columns each.
ROUTEDK_DEVICE void make_normed(const RowParts& s, unsigned char* x, int begin, int count, bool keep,
                                float* scratch) {
  const int k = static_cast<int>(threadIdx.x) * 8;
  float v[8] = {};
  float squares = 0.0F;
  if (k < s.width) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float4 a = *reinterpret_cast<const float4*>(s.hidden + k + 4 * half);
      for (int i = 0; i < s.count; ++i) {
        const float4 b = *reinterpret_cast<const float4*>(s.parts + std::int64_t{i} * s.width + k + 4 * half);
        a.x += b.x, a.y += b.y, a.z += b.z, a.w += b.w;
      }
      if (keep) {
        *reinterpret_cast<float4*>(s.new_hidden + k + 4 * half) = a;
      }
      v[4 * half] = a.x, v[4 * half + 1] = a.y, v[4 * half + 2] = a.z, v[4 * half + 3] = a.w;
    }
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      squares += v[e] * v[e];
    }
  }
  const float scale = inverse_root(block_sum(squares, scratch) / static_cast<float>(s.width) + s.epsilon);
  if (k >= begin && k < begin + count) {
#pragma unroll
    for (int e = 0; e < 8; e += 2) {
      const bool real = k < s.width;
      put_pair(x + place_in_row(k + e - begin), real ? v[e] * scale * s.gain[k + e] : 0.0F,
               real ? v[e + 1] * scale * s.gain[k + e + 1] : 0.0F);
    }
  }
}

ROUTEDK_DEVICE float silu(float x) {
  return x / (1.0F + exponential(-x));
}
ROUTEDK_DEVICE void make_swiglu(const RowParts& s, unsigned char* x, int begin, int count) {
  for (int k = begin + static_cast<int>(threadIdx.x) * 2; k < begin + count;
       k += static_cast<int>(blockDim.x) * 2) {
    float2 gate{0.0F, 0.0F};
    float2 up{0.0F, 0.0F};
    for (int i = 0; i < s.count && k < s.width; ++i) {
      const float* p = s.parts + std::int64_t{i} * 2 * s.width + k;
      const float2 a = *reinterpret_cast<const float2*>(p);
      const float2 b = *reinterpret_cast<const float2*>(p + s.width);
      gate.x += a.x, gate.y += a.y, up.x += b.x, up.y += b.y;
    }
    put_pair(x + place_in_row(k - begin), silu(gate.x) * up.x, silu(gate.y) * up.y);
  }
}

/// Merges a head's states [count][H] and sums [count][H][C]; each lane handles 4 of up to 128 columns.
ROUTEDK_DEVICE float4 join_states(const float2* states, const float* parts, int count, int heads, int head,
                                  int size, int lane) {
  float largest = -1e30F;
  for (int i = lane; i < count; i += 32) {
    largest = fmaxf(largest, states[std::int64_t{i} * heads + head].x);
  }
  largest = warp_max(largest);
  float total = 0.0F;
  float4 v{0.0F, 0.0F, 0.0F, 0.0F};
  const int column = lane * 4 < size ? lane * 4 : 0;
  for (int first = 0; first < count; first += 32) {
    float weight = 0.0F;
    if (first + lane < count) {
      const float2 state = states[std::int64_t{first + lane} * heads + head];
      weight = power_of_2(state.x - largest);
      total += weight * state.y;
    }
    const int end = count - first < 32 ? count - first : 32;
#pragma unroll 8
    for (int i = 0; i < end; ++i) {
      const float c = shuffle(weight, i);
      const float4 part =
          *reinterpret_cast<const float4*>(parts + (std::int64_t{first + i} * heads + head) * size + column);
      v.x += c * part.x, v.y += c * part.y, v.z += c * part.z, v.w += c * part.w;
    }
  }
  const float scale = 1.0F / warp_sum(total);
  return float4{v.x * scale, v.y * scale, v.z * scale, v.w * scale};
}

/// One warp per head.
ROUTEDK_DEVICE void make_attended(const RowParts& s, unsigned char* x, int begin, int count) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int size = s.width / s.heads;
  const int end = begin + count;
  for (int head = begin / size + static_cast<int>(threadIdx.x) / 32; head < s.heads && head * size < end;
       head += static_cast<int>(blockDim.x) / 32) {
    const int parts = s.counted != nullptr ? *s.counted : s.count;
    const float4 v = join_states(s.states, s.parts, parts, s.heads, head, size, lane);
    const int k = head * size + lane * 4;
    if (lane * 4 < size && k >= begin && k < end) {
      put_pair(x + place_in_row(k - begin), v.x, v.y);
      put_pair(x + place_in_row(k + 2 - begin), v.z, v.w);
    }
  }
  for (int k = (begin > s.width ? begin : s.width) + static_cast<int>(threadIdx.x) * 2; k < end;
       k += static_cast<int>(blockDim.x) * 2) {
    put_pair(x + place_in_row(k - begin), 0.0F, 0.0F);
  }
}

template <RowSource kSource>
ROUTEDK_DEVICE void make_row(const RowParts& s, unsigned char* x, int begin, int count, bool keep,
                             float* scratch) {
  if constexpr (kSource == RowSource::kNorm) {
    make_normed(s, x, begin, count, keep, scratch);
  } else if constexpr (kSource == RowSource::kSwiglu) {
    make_swiglu(s, x, begin, count);
  } else if constexpr (kSource == RowSource::kAttention) {
    make_attended(s, x, begin, count);
  }
}

}  // namespace routedk::kernels::cuda
