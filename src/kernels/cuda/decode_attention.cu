/// Attention of a decoding step. A block takes a chunk of a prompt's keys, one key head and all rows of that
/// prompt (tensor cores), or one row's own keys and one key head; their states are joined by log-sum-exp.
#include "decode_kernels.h"
#include "graph_launch.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr float kLog2E = 1.4426950408889634F;

/// A pair (i, i + C/2) of a head's columns, the parts summed, rotated where `rotates`.
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

/// Queries into q, keys and values into the branches. C/2 threads a head.
__global__ void __launch_bounds__(kThreads) rotate_and_keep(const DecodeAttention p) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const int half = p.shape.size / 2;
  const int head = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) / half;
  const int i = static_cast<int>(threadIdx.x) % half;
  const auto m = static_cast<int>(blockIdx.y);
  const StepRow row = p.tables.rows[m];
  if (head >= p.shape.heads + 2 * p.shape.kv_heads || row.branch < 0) {
    return;
  }
  const int kv_head = head - p.shape.heads;
  float2 v = rotated_pair(p, m, head, i, kv_head < p.shape.kv_heads);
  std::uint16_t* to = nullptr;
  if (kv_head < 0) {
    const float scale = kLog2E * inverse_root(static_cast<float>(p.shape.size));
    v.x *= scale, v.y *= scale;
    to = p.q + (static_cast<std::int64_t>(m) * p.shape.heads + head) * p.shape.size;
  } else if (kv_head < p.shape.kv_heads) {
    to = p.own->k + own_place(p, row, kv_head);
  } else {
    to = p.own->v + own_place(p, row, kv_head - p.shape.kv_heads);
  }
  to[i] = float_to_bfloat16(v.x);
  to[i + half] = float_to_bfloat16(v.y);
}

/// Place of 16 bytes of a row of C bf16 in shared memory, so that the rows of a matrix lie in different banks.
template <int C>
ROUTEDK_DEVICE int place_of(int row, int piece) {
  return row * C * 2 + ((piece ^ (row & 7)) << 4);
}

/// The queries of a key head into rows 0 .. group of Q, for a step of one row.
template <int C>
ROUTEDK_DEVICE void rotate_queries(const DecodeAttention& p, int kv_head, unsigned char* queries) {
  const float scale = kLog2E * inverse_root(static_cast<float>(C));
  for (int j = static_cast<int>(threadIdx.x); j < p.shape.group() * (C / 2); j += kThreads) {
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

/// 16 queries against KT x 8 keys: the largest score, the sum of 2^(score - largest) and the weighted values,
/// as the tensor cores leave them.
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

/// Shared memory: keys and values of a chunk, queries, and, where warps share queries, what each has seen.
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
  constexpr int kPieces = C / 8;  // of 16 bytes
  for (int i = tid; i < kChunk * kPieces; i += kThreads) {
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
    for (int i = tid; i < tiles * 16 * kPieces; i += kThreads) {
      const int row = i / kPieces;
      const int piece = i % kPieces;
      const int r = row < rows ? row : rows - 1;
      copy16(queries + place_of<C>(row, piece),
             p.q + (static_cast<std::int64_t>(chunk.first_row + r / group) * p.shape.heads + kv_head * group +
                    r % group) * C + piece * 8);
    }
  }
  copies_commit();
  copies_wait<0>();
  __syncthreads();
  constexpr int kKeys = kChunk / kShare;  // of a warp
  constexpr int kAtOnce = 8 / kShare;     // tiles of queries
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
        auto* state = kShare > 1 ? reinterpret_cast<float2*>(seen_of_warps + warp * Memory::kSeenFloats +
                                                             16 * C + in_tile * 2)
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
      for (int i = tid; i < kAtOnce * 16 * (C / 4); i += kThreads) {  // 4 columns of a row
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

/// C/32 neighbouring columns of a lane, from bf16.
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

/// One row's own tokens under one key head: a warp a query head, several warps share its keys.
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
    if (tid < C) {  // the new key, then the new value
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
  auto* of_warps = reinterpret_cast<float*>(shared_memory() + 8 * C * 2);  // [8][C + 2], behind the queries
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

template <int C, int kShare, bool kOneRow>
__global__ void __launch_bounds__(kThreads, 2) attention(const DecodeAttention p) {
  let_next_kernel_start();
  const int chunk_blocks = p.chunk_room * p.shape.kv_heads;
  const auto index = static_cast<int>(blockIdx.x);
  if (index < chunk_blocks) {
    attend_chunk<C, kShare, kOneRow>(p, index);
  } else {
    attend_own<C, kOneRow>(p, index - chunk_blocks);
  }
}

/// A warp a row and head.
__global__ void __launch_bounds__(kThreads) join_attention(const DecodeAttention p, std::uint16_t* x) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int row = static_cast<int>(blockIdx.x * (kThreads / 32) + threadIdx.x / 32);
  const int m = row / p.shape.heads;
  if (m >= p.rows || p.tables.rows[m].branch < 0) {
    return;
  }
  const int size = p.shape.size;
  const int states = p.rows * p.shape.heads;
  const int count = p.tables.parts[m];
  float largest = -1e30F;
  for (int i = lane; i < count; i += 32) {
    largest = fmaxf(largest, p.states[static_cast<std::int64_t>(i) * states + row].x);
  }
  largest = warp_max(largest);
  float total = 0.0F;
  float4 v{0.0F, 0.0F, 0.0F, 0.0F};
  const int column = lane * 4 < size ? lane * 4 : 0;
  for (int first = 0; first < count; first += 32) {
    float weight = 0.0F;
    if (first + lane < count) {
      const float2 state = p.states[static_cast<std::int64_t>(first + lane) * states + row];
      weight = power_of_2(state.x - largest);
      total += weight * state.y;
    }
    const int end = count - first < 32 ? count - first : 32;
#pragma unroll 8
    for (int i = 0; i < end; ++i) {
      const float c = shuffle(weight, i);
      const float4 part = *reinterpret_cast<const float4*>(
          p.sums + (static_cast<std::int64_t>(first + i) * states + row) * size + column);
      v.x += c * part.x, v.y += c * part.y, v.z += c * part.z, v.w += c * part.w;
    }
  }
  const float scale = 1.0F / warp_sum(total);
  if (lane * 4 < size) {
    const int k = row % p.shape.heads * size + column;
    *reinterpret_cast<uint2*>(x + (static_cast<std::int64_t>(k / 8) * p.rows + m) * 8 + k % 8) =
        uint2{round_pair(v.x * scale, v.y * scale), round_pair(v.z * scale, v.w * scale)};
  }
}

/// Warps that share 16 queries: all eight have work where there are few.
int sharing_of(const HeadShape& shape, int rows) {
  const int tiles = (rows * shape.group() + 15) / 16;
  return tiles >= 8 ? 1 : tiles >= 4 ? 2 : 4;
}

template <int C>
int bytes_of(const HeadShape& shape, int rows) {
  const int own = 8 * C * 2 + 8 * (C + 2) * 4;
  const int chunk = AttentionMemory<C>::bytes(rows * shape.group(), sharing_of(shape, rows));
  return own > chunk ? own : chunk;
}

template <int C>
void launch_attention(const DecodeAttention& op, Stream stream) {
  const int blocks = (op.chunk_room + op.rows) * op.shape.kv_heads;
  const Grid grid{dim3(static_cast<unsigned>(blocks)), kThreads,
                  static_cast<std::size_t>(bytes_of<C>(op.shape, op.rows))};
  if (op.rows == 1) {
    launch_dependent("attention", attention<C, 4, true>, grid, stream, op);
    return;
  }
  const unsigned heads = static_cast<unsigned>(op.shape.heads + 2 * op.shape.kv_heads);
  const Grid rotation{dim3((heads * (C / 2) + kThreads - 1) / kThreads, static_cast<unsigned>(op.rows)),
                      kThreads};
  launch_dependent("rotate_and_keep", rotate_and_keep, rotation, stream, op);
  switch (sharing_of(op.shape, op.rows)) {
    case 1:
      return launch_dependent("attention", attention<C, 1, false>, grid, stream, op);
    case 2:
      return launch_dependent("attention", attention<C, 2, false>, grid, stream, op);
    default:
      return launch_dependent("attention", attention<C, 4, false>, grid, stream, op);
  }
}

}  // namespace

std::size_t decode_attention_bytes(const HeadShape& shape, int rows) {
  return static_cast<std::size_t>(shape.size == 128 ? bytes_of<128>(shape, rows) : bytes_of<64>(shape, rows));
}

void launch_decode_attention(const DecodeAttention& op, Stream stream) {
  op.shape.size == 128 ? launch_attention<128>(op, stream) : launch_attention<64>(op, stream);
}

void launch_join_attention(const DecodeAttention& op, std::uint16_t* x, Stream stream) {
  const auto blocks = static_cast<unsigned>(ceil_div(op.rows * op.shape.heads, kThreads / 32));
  launch_dependent("join_attention", join_attention, {dim3(blocks), kThreads}, stream, op, x);
}

}  // namespace routedk::kernels::cuda
