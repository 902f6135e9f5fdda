/// Attention of a decoding step. A block handles either a chunk of a prompt's keys, one key head and all rows
/// of that prompt, or one row's own keys and one key head; the states are merged by log-sum-exp.
#include "decode_attention_chunk.h"
#include "decode_attention_own.h"
#include "graph_launch.h"

namespace routedk::kernels::cuda {
namespace {

/// Queries into q, keys and values into the branches. C/2 threads per head.
__global__ void __launch_bounds__(kAttentionThreads) rotate_and_keep(const DecodeAttention p) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const int half = p.shape.size / 2;
  const int head = static_cast<int>(blockIdx.x * kAttentionThreads + threadIdx.x) / half;
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

template <int C, int kShare, bool kOneRow>
__global__ void __launch_bounds__(kAttentionThreads, 2) attention(const DecodeAttention p) {
  let_next_kernel_start();
  const int chunk_blocks = p.chunk_room * p.shape.kv_heads;
  const auto index = static_cast<int>(blockIdx.x);
  if (index < chunk_blocks) {
    attend_chunk<C, kShare, kOneRow>(p, index);
  } else {
    attend_own<C, kOneRow>(p, index - chunk_blocks);
  }
}

/// One warp per row and head.
__global__ void __launch_bounds__(kAttentionThreads) join_attention(const DecodeAttention p, std::uint16_t* x) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int row = static_cast<int>(blockIdx.x * (kAttentionThreads / 32) + threadIdx.x / 32);
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

/// Warps that share 16 queries: with few queries all eight warps share them; none share where a block has no
/// memory for the partial result of each warp.
template <int C>
int sharing_of(const HeadShape& shape, int rows) {
  const int queries = rows * shape.group();
  const int tiles = (queries + 15) / 16;
  const int sharing = tiles >= 8 ? 1 : tiles >= 4 ? 2 : 4;
  return static_cast<std::size_t>(AttentionMemory<C>::bytes(queries, sharing)) <= most_shared() ? sharing : 1;
}

template <int C>
int bytes_of(const HeadShape& shape, int rows) {
  const int own = 8 * C * 2 + 8 * (C + 2) * 4;
  const int chunk = AttentionMemory<C>::bytes(rows * shape.group(), sharing_of<C>(shape, rows));
  return own > chunk ? own : chunk;
}

template <int C>
void launch_rows(const DecodeAttention& op, const Grid& grid, Stream stream) {
  const unsigned heads = static_cast<unsigned>(op.shape.heads + 2 * op.shape.kv_heads);
  const unsigned blocks = (heads * (C / 2) + kAttentionThreads - 1) / kAttentionThreads;
  launch_dependent("rotate_and_keep", rotate_and_keep,
                   {dim3(blocks, static_cast<unsigned>(op.rows)), kAttentionThreads}, stream, op);
  switch (sharing_of<C>(op.shape, op.rows)) {
    case 1:
      return launch_dependent("attention", attention<C, 1, false>, grid, stream, op);
    case 2:
      return launch_dependent("attention", attention<C, 2, false>, grid, stream, op);
    default:
      return launch_dependent("attention", attention<C, 4, false>, grid, stream, op);
  }
}

template <int C>
void launch_attention(const DecodeAttention& op, Stream stream) {
  const int blocks = (op.chunk_room + op.rows) * op.shape.kv_heads;
  const Grid grid{dim3(static_cast<unsigned>(blocks)), kAttentionThreads,
                  static_cast<std::size_t>(bytes_of<C>(op.shape, op.rows))};
  if (op.rows > 1) {
    launch_rows<C>(op, grid, stream);
  } else if (sharing_of<C>(op.shape, 1) == 1) {
    launch_dependent("attention", attention<C, 1, true>, grid, stream, op);
  } else {
    launch_dependent("attention", attention<C, 4, true>, grid, stream, op);
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
  const auto blocks = static_cast<unsigned>(ceil_div(op.rows * op.shape.heads, kAttentionThreads / 32));
  launch_dependent("join_attention", join_attention, {dim3(blocks), kAttentionThreads}, stream, op, x);
}

}  // namespace routedk::kernels::cuda
