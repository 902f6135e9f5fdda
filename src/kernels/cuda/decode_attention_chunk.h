/// A chunk of a prompt's keys, one key head and all rows of that prompt, on tensor cores.
#pragma once

#include "decode_attention_rotation.h"

namespace routedk::kernels::cuda {

/// 16 queries against KT x 8 keys: the largest score, the sum of 2^(score - largest) and the weighted values,
/// in the tensor cores' output layout.
template <int C, int KT>
struct Seen {
  float sums[C / 8][4];
  float largest[2];
  float total[2];

  ROUTEDK_DEVICE void compute(const unsigned char* queries, int first_query, const unsigned char* keys,
                              const unsigned char* values, int first_key, int left) {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    float s[KT][4] = {};
#pragma unroll
    for (int kk = 0; kk < C / 32; ++kk) {
      std::uint32_t a[2][4];
#pragma unroll
      for (int u = 0; u < 2; ++u) {
        load_matrices(a[u], queries + place_of<C>(first_query + ((lane >> 3) & 1) * 8 + (lane & 7),
                                                  kk * 4 + u * 2 + (lane >> 4)));
      }
#pragma unroll
      for (int i = 0; i < KT; ++i) {
        std::uint32_t b[4];
        load_matrices(b, keys + place_of<C>(first_key + i * 8 + (lane & 7), kk * 4 + (lane >> 3)));
        mma(s[i], a[0], b[0], b[1]);
        mma(s[i], a[1], b[2], b[3]);
      }
    }
    weigh(s, first_key, left);
#pragma unroll
    for (int i = 0; i < C / 8; ++i) {
      sums[i][0] = sums[i][1] = sums[i][2] = sums[i][3] = 0.0F;
    }
#pragma unroll
    for (int kk = 0; kk < KT / 2; ++kk) {
      const std::uint32_t a[4] = {
          round_pair(s[2 * kk][0], s[2 * kk][1]), round_pair(s[2 * kk][2], s[2 * kk][3]),
          round_pair(s[2 * kk + 1][0], s[2 * kk + 1][1]), round_pair(s[2 * kk + 1][2], s[2 * kk + 1][3])};
#pragma unroll
      for (int n = 0; n < C / 16; ++n) {
        std::uint32_t b[4];
        load_matrices_transposed(
            b, values + place_of<C>(first_key + kk * 16 + ((lane >> 3) & 1) * 8 + (lane & 7),
                                    n * 2 + (lane >> 4)));
        mma(sums[2 * n], a, b[0], b[1]);
        mma(sums[2 * n + 1], a, b[2], b[3]);
      }
    }
  }

  ROUTEDK_DEVICE void weigh(float (&s)[KT][4], int first_key, int left) {
    const int t = static_cast<int>(threadIdx.x) & 3;
    largest[0] = largest[1] = -1e30F;
#pragma unroll
    for (int i = 0; i < KT; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        if (first_key + i * 8 + 2 * t + (e & 1) >= left) {
          s[i][e] = -INFINITY;
        }
        largest[e >> 1] = fmaxf(largest[e >> 1], s[i][e]);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      largest[r] = fmaxf(largest[r], shuffle_xor(largest[r], 1));
      largest[r] = fmaxf(largest[r], shuffle_xor(largest[r], 2));
      total[r] = 0.0F;
    }
#pragma unroll
    for (int i = 0; i < KT; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        s[i][e] = power_of_2(s[i][e] - largest[e >> 1]);
        total[e >> 1] += s[i][e];
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      total[r] += shuffle_xor(total[r], 1);
      total[r] += shuffle_xor(total[r], 2);
    }
  }
};

/// Shared memory: keys and values of a chunk, queries, and, if warps share queries, the partial result of
/// each warp.
template <int C>
struct AttentionMemory {
  static constexpr int kChunkBytes = kChunk * C * 2;
  static constexpr int kSeenFloats = 16 * C + 32;
  static constexpr int query_bytes(int rows) { return (rows + 15) / 16 * 16 * C * 2; }
  static constexpr int bytes(int rows, int warps_a_tile) {
    return 2 * kChunkBytes + query_bytes(rows) + (warps_a_tile > 1 ? 8 * kSeenFloats * 4 : 0);
  }
};

/// kShare warps share the keys of 16 queries.
template <int C, int kShare, bool kOneRow>
ROUTEDK_DEVICE void attend_chunk(const DecodeAttention& p, int index) {
  using Memory = AttentionMemory<C>;
  unsigned char* keys = shared_memory();
  unsigned char* values = keys + Memory::kChunkBytes;
  unsigned char* queries = values + Memory::kChunkBytes;
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid & 31;
  const int warp = tid >> 5;
  const int kv_head = index % p.shape.kv_heads;
  const int group = p.shape.group();
  if (index / p.shape.kv_heads >= *p.tables.chunk_count) {
    return;
  }
  const PromptChunk chunk = p.tables.chunks[index / p.shape.kv_heads];
  const int rows = chunk.rows * group;
  const int tiles = (rows + 15) / 16;
  auto* seen_of_warps = reinterpret_cast<float*>(queries + Memory::query_bytes(p.rows * group));
  const KeysValues prompt = p.prompts[chunk.prompt];
  constexpr int kPieces = C / 8;  // of 16 bytes each
  for (int i = tid; i < kChunk * kPieces; i += kAttentionThreads) {
    const int row = i / kPieces;
    const int piece = i % kPieces;
    const int key = chunk.first_key + row < chunk.keys ? chunk.first_key + row : chunk.keys - 1;
    const std::int64_t from = (static_cast<std::int64_t>(kv_head) * chunk.keys + key) * C + piece * 8;
    copy16(keys + place_of<C>(row, piece), prompt.k + from);
    copy16(values + place_of<C>(row, piece), prompt.v + from);
  }
  wait_for_kernels_before();
  if constexpr (kOneRow) {
    rotate_queries<C>(p, kv_head, queries);
  } else {
    for (int i = tid; i < tiles * 16 * kPieces; i += kAttentionThreads) {
      const int row = i / kPieces;
      const int piece = i % kPieces;
      const int r = row < rows ? row : rows - 1;
      copy16(queries + place_of<C>(row, piece),
             p.q +
                 (static_cast<std::int64_t>(chunk.first_row + r / group) * p.shape.heads + kv_head * group +
                  r % group) *
                     C +
                 piece * 8);
    }
  }
  copies_commit();
  copies_wait<0>();
  __syncthreads();
  constexpr int kKeys = kChunk / kShare;  // per warp
  constexpr int kAtOnce = 8 / kShare;     // tiles of queries at once
  const int left = chunk.keys - chunk.first_key;
  const int share = warp % kShare;
  const std::int64_t first_state =
      (static_cast<std::int64_t>(chunk.part) * p.rows + chunk.first_row) * p.shape.heads + kv_head * group;
  const auto state_of = [&](int row) {
    return first_state + static_cast<std::int64_t>(row / group) * p.shape.heads + row % group;
  };
  for (int tile0 = 0; tile0 < tiles; tile0 += kAtOnce) {
    const int tile = tile0 + warp / kShare;
    if (tile < tiles) {
      Seen<C, kKeys / 8> seen;
      seen.compute(queries, tile * 16, keys, values, share * kKeys, left);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int in_tile = (lane >> 2) + 8 * r;
        const int row = tile * 16 + in_tile;
        const bool real = kShare > 1 || row < rows;
        float* sums = kShare > 1 ? seen_of_warps + warp * Memory::kSeenFloats + in_tile * C
                                 : p.sums + (real ? state_of(row) : 0) * C;
        auto* state =
            kShare > 1
                ? reinterpret_cast<float2*>(seen_of_warps + warp * Memory::kSeenFloats + 16 * C + in_tile * 2)
                : p.states + (real ? state_of(row) : 0);
        if (real) {
#pragma unroll
          for (int i = 0; i < C / 8; ++i) {
            *reinterpret_cast<float2*>(sums + i * 8 + 2 * (lane & 3)) =
                float2{seen.sums[i][2 * r], seen.sums[i][2 * r + 1]};
          }
          if ((lane & 3) == 0) {
            *state = float2{seen.largest[r], seen.total[r]};
          }
        }
      }
    }
    if constexpr (kShare > 1) {
      __syncthreads();
      for (int i = tid; i < kAtOnce * 16 * (C / 4); i += kAttentionThreads) {  // 4 columns of a row
        const int column = i % (C / 4) * 4;
        const int in_tile = i / (C / 4) % 16;
        const int of_tile = i / (C / 4) / 16;
        const int row = (tile0 + of_tile) * 16 + in_tile;
        if (tile0 + of_tile >= tiles || row >= rows) {
          continue;
        }
        const float* first = seen_of_warps + of_tile * kShare * Memory::kSeenFloats;
        float largest = -1e30F;
#pragma unroll
        for (int u = 0; u < kShare; ++u) {
          largest = fmaxf(largest, first[u * Memory::kSeenFloats + 16 * C + in_tile * 2]);
        }
        float total = 0.0F;
        float4 v{0.0F, 0.0F, 0.0F, 0.0F};
#pragma unroll
        for (int u = 0; u < kShare; ++u) {
          const float* from = first + u * Memory::kSeenFloats;
          const float weight = power_of_2(from[16 * C + in_tile * 2] - largest);
          total += weight * from[16 * C + in_tile * 2 + 1];
          const float4 part = *reinterpret_cast<const float4*>(from + in_tile * C + column);
          v.x += weight * part.x, v.y += weight * part.y, v.z += weight * part.z, v.w += weight * part.w;
        }
        *reinterpret_cast<float4*>(p.sums + state_of(row) * C + column) = v;
        if (column == 0) {
          p.states[state_of(row)] = float2{largest, total};
        }
      }
      __syncthreads();
    }
  }
}

}  // namespace routedk::kernels::cuda
