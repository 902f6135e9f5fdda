/// The kernel of decode_product.h, included by the .cu files that instantiate it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>

#include "decode_product.h"
#include "graph_launch.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {

constexpr std::array<float, 16> kNf4Values = {-1.0F,
                                              -0.6961928009986877F,
                                              -0.5250730514526367F,
                                              -0.39491748809814453F,
                                              -0.28444138169288635F,
                                              -0.18477343022823334F,
                                              -0.09105003625154495F,
                                              0.0F,
                                              0.07958029955625534F,
                                              0.16093020141124725F,
                                              0.24611230194568634F,
                                              0.33791524171829224F,
                                              0.44070982933044434F,
                                              0.5626170039176941F,
                                              0.7229568362236023F,
                                              1.0F};

/// The two values of each byte of codes, in bf16.
struct PairTable {
  std::uint32_t pairs[256];
};
constexpr std::uint32_t bfloat16_bits_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits + 0x7FFF + (bits >> 16 & 1U)) >> 16;
}
constexpr PairTable make_pair_table() {
  PairTable table{};
  for (std::size_t i = 0; i < 256; ++i) {
    table.pairs[i] = bfloat16_bits_of(kNf4Values[i >> 4]) | bfloat16_bits_of(kNf4Values[i & 15]) << 16;
  }
  return table;
}
namespace {
__constant__ PairTable kPairTable = make_pair_table();
}

/// Where a lane reads next: `tile` counts blocks of 64 columns over all row tiles, `block` within the row.
struct Cursor {
  int tile;
  int block;
};

struct Nf4Format {
  static constexpr int kBlocks = 2;  ///< of 64 columns that are read at once
  static constexpr bool kCodes = true;
  template <int TR>
  struct Item {
    std::uint32_t codes[TR][2][4];
    std::uint32_t scales[TR][2];
  };
  template <int TR>
  static ROUTEDK_DEVICE void load(Item<TR>& item, const FrozenTiles& m, Cursor at, int blocks, int lane) {
    const auto* codes = static_cast<const unsigned char*>(m.codes) + lane * 16;
    const auto* scales = static_cast<const unsigned char*>(m.scales) + lane / 4 * 8;
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      const auto tile = static_cast<std::int64_t>(at.tile + tr * blocks);
      load_stream(item.codes[tr][0], codes + tile * 512);
      load_stream(item.codes[tr][1], codes + tile * 512 + 512);
      load_constant(item.scales[tr], scales + tile * 32);
    }
  }
};
struct Bf16Format {
  static constexpr int kBlocks = 1;
  static constexpr bool kCodes = false;
  template <int TR>
  struct Item {
    std::uint32_t values[TR][4][4];
  };
  template <int TR>
  static ROUTEDK_DEVICE void load(Item<TR>& item, const FrozenTiles& m, Cursor at, int blocks, int lane) {
    const auto* values = static_cast<const unsigned char*>(m.codes) + lane * 16;
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      const auto* from = values + static_cast<std::int64_t>(at.tile + tr * blocks) * 2048;
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        load_stream(item.values[tr][step], from + step * 512);
      }
    }
  }
};

/// A variant: MT groups of 8 rows of x (0: exactly one row); WR x WK warps, of which WR take TR row tiles
/// each and WK share the columns; D items under way in each warp; kGroups: tensor cores are fed by four warps
/// at once where the GPU can; blocks a multiprocessor.
template <typename F, int MT, int WR, int WK, int TR, int D, bool kGroups = false, int kBlocks = 1>
struct Variant {
  using Format = F;
  static constexpr int kRows = MT;
  static constexpr int kWarpRows = WR;
  static constexpr int kWarpColumns = WK;
  static constexpr int kTiles = TR;
  static constexpr int kDepth = D;
  static constexpr bool kOne = MT == 0;
  static constexpr bool kByGroup = kGroups;
  static constexpr int T = kOne ? 1 : MT;
  static constexpr int kThreads = WR * WK * 32;
  static constexpr int kPerMultiprocessor = kBlocks;
  /// So that the next kernel's block can begin beside it.
  static constexpr int kAtOnce = kThreads <= 256 && T * TR == 1 ? 2 : 1;
  static_assert(!kGroups || (WR % 4 == 0 && !kOne && TR == 1));
};

/// Shared memory of a block. The table of NF4 pairs comes first, an entry each 256 bytes, so that a byte
/// permute of codes with the lane is an entry's place; the warps' sums lie between its entries.
template <typename V>
struct Memory {
  static constexpr int kSums = V::kWarpRows * V::kWarpColumns * V::kTiles * V::T;  // of 16 x 8
  static constexpr bool kTwice = kSums * 512 * 2 <= 32768;                         // two buffers of them
  static constexpr int kSumBytes = kSums * 512 * (kTwice ? 2 : 1);
  static_assert(kSumBytes <= 32768, "the sums must fit between the entries of the table");
  static constexpr int kZero = V::Format::kCodes ? 65536 : kSumBytes;  // 16 bytes of zeros
  static constexpr int kScratch = kZero + 16;                          // a float a warp
  static constexpr int kDown = kScratch + 64;                          // x A^T

  static constexpr int x(int width) { return kDown + width * 8 * V::T * 2; }
  static constexpr int bytes(int width, int blocks, int rows) { return x(width) + blocks * rows * 128; }
};

/// Place of columns k, k+1 (k even) of a single row in the order of fragments, in bytes.
ROUTEDK_DEVICE int place_in_row(int k) {
  const int word = (k & 63) >> 1;
  return (k >> 6) * 128 + (word >> 4) * 64 + (word & 3) * 16 + ((word >> 3) & 1) * 8 + ((word >> 2) & 1) * 4;
}

ROUTEDK_DEVICE void put_pair(unsigned char* to, float a, float b) {
  *reinterpret_cast<std::uint32_t*>(to) = round_pair(a, b);
}

/// Columns begin .. begin + count of RMSNorm(hidden + parts) * gain; all threads, 8 columns each.
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

/// A head's states [count][H] and sums [count][H][C], joined; each lane 4 of up to 128 columns.
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

/// A warp a head.
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

/// Blocks stride over groups of WR * TR row tiles; each begins with a share of x A^T, whose parts all blocks
/// read when they reach the B term.
template <typename V, RowSource kSource>
__global__ void __launch_bounds__(V::kThreads, V::kAtOnce) decode_product(const DecodeProduct p) {
  using F = typename V::Format;
  using M = Memory<V>;
  constexpr int kThreads = V::kThreads;
  constexpr int T = V::T;
  constexpr int TR = V::kTiles;
  constexpr int WR = V::kWarpRows;
  constexpr int WK = V::kWarpColumns;
  constexpr int D = V::kDepth;
  constexpr int kPadded = 8 * T;             // rows of x A^T in shared memory
  constexpr int kAhead = (4 + WK - 1) / WK;  // steps of B that a warp reads ahead: 64 ranks
  constexpr bool kMade = kSource != RowSource::kMemory;
  unsigned char* sm = shared_memory();
  const int tid = static_cast<int>(threadIdx.x);
  const int lane = tid & 31;
  const int warp = tid >> 5;
  const int wk = V::kByGroup ? warp / 4 % WK : warp % WK;
  const int wr = V::kByGroup ? warp / 4 / WK * 4 + warp % 4 : warp / WK;
  const int g = lane >> 2;
  const int t = lane & 3;
  const int split = static_cast<int>(blockIdx.x) % p.splits;
  const int first = static_cast<int>(blockIdx.x) / p.splits;
  const int stride = static_cast<int>(gridDim.x) / p.splits;
  const int groups = p.weight.rows / (WR * TR * 16);
  const int all_blocks = p.weight.columns / 64;
  const int blocks = all_blocks / p.splits;
  const int items = blocks / F::kBlocks;
  const int block0 = split * blocks;
  const StackedAdapter& lora = p.adapter;
  const int width = lora.width();
  const bool adds = lora.ranks > 0 && split == 0;
  unsigned char* zero = sm + M::kZero;
  auto* down = reinterpret_cast<std::uint16_t*>(sm + M::kDown);  // [width/8][kPadded][8]
  const int block_bytes = p.rows * 128;
  unsigned char* x = sm + M::x(width);  // [k8][rows][8]

  let_next_kernel_start();
  // Weights do not depend on the kernels ahead: fetch before waiting for those.
  typename F::template Item<TR> ring[D];
  Cursor next{(first * WR + wr) * TR * all_blocks + block0 + wk * F::kBlocks, block0 + wk * F::kBlocks};
  const int end_tile = p.weight.rows / 16 * all_blocks;
  const int group_step = stride * WR * TR * all_blocks;
  auto fetch = [&](typename F::template Item<TR>& item) {
    if (next.tile < end_tile) {
      F::template load<TR>(item, p.weight, next, all_blocks, lane);
      next.tile += WK * F::kBlocks;
      next.block += WK * F::kBlocks;
      if (next.block >= block0 + blocks) {
        const int start = block0 + wk * F::kBlocks;
        next.tile += group_step + start - next.block;
        next.block = start;
      }
    }
  };
#pragma unroll
  for (int d = 0; d < D; ++d) {
    fetch(ring[d]);
  }
  const int steps = lora.ranks / 16;
  std::uint32_t up[TR][kAhead][4];
  const auto* up_tiles = static_cast<const unsigned char*>(lora.b) + lane * 16;
  auto load_up = [&](std::uint32_t(&to)[4], int tile, int step) {
    load_stream(to, up_tiles + (static_cast<std::int64_t>(tile) * steps + step) * 512);
  };
  auto fetch_up = [&](int group) {
    if (!adds || group >= groups) {
      return;
    }
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
#pragma unroll
      for (int l = 0; l < kAhead; ++l) {
        if (wk + l * WK < steps) {
          load_up(up[tr][l], (group * WR + wr) * TR + tr, wk + l * WK);
        }
      }
    }
  };
  if (p.only != 1) {
    fetch_up(first);
  }
  if (F::kCodes) {
    if (shared_address(sm) != kWindow) {
      stop();
    }
    // An entry is 128 bytes, a copy for each lane's bank, at a stride of 256.
    for (int i = tid; i < 2048; i += kThreads) {
      const std::uint32_t pair = kPairTable.pairs[i >> 3];
      *reinterpret_cast<uint4*>(sm + (i >> 3) * 256 + (i & 7) * 16) = uint4{pair, pair, pair, pair};
    }
  }
  if (tid < 4) {
    reinterpret_cast<std::uint32_t*>(zero)[tid] = 0;
  }

  wait_for_kernels_before();
  if constexpr (kMade) {
    make_row<kSource>(p.source, x, block0 * 64, blocks * 64, blockIdx.x == 0,
                      reinterpret_cast<float*>(sm + M::kScratch));
    __syncthreads();
  } else {
    // x in four pieces by columns, so that work starts with the first.
    const auto* from =
        reinterpret_cast<const unsigned char*>(p.x) + static_cast<std::int64_t>(block0) * block_bytes;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int begin = items * c / 4 * F::kBlocks * block_bytes;
      const int end = items * (c + 1) / 4 * F::kBlocks * block_bytes;
      if constexpr (V::kOne) {
        for (int o = begin + tid * 4; o < end; o += kThreads * 4) {
          copy4(x + place_in_row(o / 2), from + o);
        }
      } else {
        for (int o = begin + tid * 16; o < end; o += kThreads * 16) {
          copy16(x + o, from + o);
        }
      }
      copies_commit();
    }
  }
  int ready = kMade ? 4 : 0;
  auto need = [&](int upto) {  // items of x that must be there
    while (ready < 4 && items * ready / 4 < upto) {
      if (ready == 0) {
        copies_wait<3>();
      } else if (ready == 1) {
        copies_wait<2>();
      } else if (ready == 2) {
        copies_wait<1>();
      } else {
        copies_wait<0>();
      }
      if (V::kByGroup) {
        shared_for_wgmma();
      }
      __syncthreads();
      ++ready;
    }
  };

  // ldmatrix rows: rows past those of x read zeros.
  const bool real = T > 1 || (lane & 7) < p.rows;
  const unsigned char* x_row = real ? x + ((lane >> 3) * p.rows + (lane & 7)) * 16 : zero;
  const int half_bytes = real ? p.rows * 64 : 0;  // of 32 columns
  const std::uint32_t one_address = shared_address(x) + static_cast<std::uint32_t>(t) * 16;
  std::uint32_t one[2][4] = {};  // x of a single row: lanes 0..3, else zero

  /// Columns 32 h .. 32 h + 32 of a block as right operands.
  auto load_x = [&](std::uint32_t(&b)[T][4], int block, int h) {
    if constexpr (V::kOne) {
      load_shared_first4(one[h], one_address + block * 128 + h * 64, lane);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        b[0][i] = one[h][i];
      }
    } else {
      const unsigned char* row = x_row + (block * 2 + h) * half_bytes;
#pragma unroll
      for (int nt = 0; nt < T; ++nt) {
        load_matrices(b[nt], row + nt * 128);
      }
    }
  };

  int buffer = 0;
  auto sum_at = [&](int e) {  // e: which float of the sums
    e += buffer * M::kSums * 128;
    return reinterpret_cast<float*>(F::kCodes ? sm + ((e >> 5) << 8) + 128 + ((e & 31) << 2) : sm + e * 4);
  };
  // Place of (row, column) of 16 x 8 sums: no two lanes of a store share a bank.
  auto place = [](int row, int col) {
    const int c = (col >> 1) | (col & 1) << 2;
    return c * 16 + (row ^ ((c >> 1) & 1) << 3);
  };
  auto store_sums = [&](int base, const float(&sums)[T][4]) {
#pragma unroll
    for (int nt = 0; nt < T; ++nt) {
      const int column = nt * 8 + 2 * t;
      if (column < p.rows) {
        *sum_at(base + nt * 128 + place(g, 2 * t)) = sums[nt][0];
        *sum_at(base + nt * 128 + place(g + 8, 2 * t)) = sums[nt][2];
      }
      if (column + 1 < p.rows) {
        *sum_at(base + nt * 128 + place(g, 2 * t + 1)) = sums[nt][1];
        *sum_at(base + nt * 128 + place(g + 8, 2 * t + 1)) = sums[nt][3];
      }
    }
  };
  /// Which (row of x, row of the tile) float o of T pieces is.
  struct Spot {
    int m, row;
  };
  auto spot_of = [](int o) {
    const int c = (o >> 4) & 7;
    return Spot{(o >> 7) % T * 8 + (c & 3) * 2 + (c >> 2), (o & 15) ^ ((c >> 1) & 1) << 3};
  };

  const int down_tiles = width / 16;
  const int units = down_tiles * p.pieces;
  auto compute_down = [&](int unit) {
    const int tile = unit % down_tiles;
    const int piece = unit / down_tiles;
    const int end = blocks * (piece + 1) / p.pieces;
    float sums[T][4] = {};
    for (int block = blocks * piece / p.pieces + warp; block < end; block += kThreads / 32) {
      std::uint32_t a[4][4];
      const auto* from = static_cast<const unsigned char*>(lora.a) +
                         static_cast<std::int64_t>(tile * all_blocks + block0 + block) * 2048 + lane * 16;
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        load_stream(a[step], from + step * 512);
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        std::uint32_t b[T][4];
        load_x(b, block, h);
#pragma unroll
        for (int s = 0; s < 2; ++s) {
#pragma unroll
          for (int nt = 0; nt < T; ++nt) {
            mma(sums[nt], a[2 * h + s], b[nt][2 * s], b[nt][2 * s + 1]);
          }
        }
      }
    }
    store_sums(warp * T * 128, sums);
    __syncthreads();
    for (int o = tid; o < T * 128; o += kThreads) {
      const Spot spot = spot_of(o);
      if (spot.m < p.rows) {
        float v = 0.0F;
        for (int w = 0; w < kThreads / 32; ++w) {
          v += *sum_at(w * T * 128 + o);
        }
        lora.down[(static_cast<std::int64_t>(split * p.pieces + piece) * p.rows + spot.m) * width +
                  tile * 16 + spot.row] = v;
      }
    }
    __syncthreads();
    if (tid == 0) {
      add_to_count(lora.done, 1);
    }
  };
  if (lora.ranks > 0 && p.only != 2) {
    need(items);
    for (int unit = first; unit < units; unit += stride) {
      compute_down(unit);
    }
  }
  if (p.only == 1) {
    return;
  }
  bool have_down = false;
  auto read_down = [&] {
    have_down = true;
    if (tid == 0) {
      wait_for_count(lora.done, units * p.splits);
    }
    __syncthreads();
    const int parts = p.pieces * p.splits;
    for (int i = tid; i < width / 4 * kPadded; i += kThreads) {
      const int c = i % (width / 4) * 4;
      const int m = i / (width / 4);
      float4 v{0.0F, 0.0F, 0.0F, 0.0F};
      if (m < p.rows) {
        const float* from = lora.down + m * width + c;
#pragma unroll 4
        for (int part = 0; part < parts; ++part) {
          const float4 more = load_fresh(from + static_cast<std::int64_t>(part) * p.rows * width);
          v.x += more.x, v.y += more.y, v.z += more.z, v.w += more.w;
        }
        const float* alpha = lora.alpha + lora.sequence[m] * lora.experts;
        v.x *= alpha[lora.expert[c]], v.y *= alpha[lora.expert[c + 1]];
        v.z *= alpha[lora.expert[c + 2]], v.w *= alpha[lora.expert[c + 3]];
      }
      *reinterpret_cast<uint2*>(down + ((c >> 3) * kPadded + m) * 8 + (c & 7)) =
          uint2{round_pair(v.x, v.y), round_pair(v.z, v.w)};
    }
    __syncthreads();
  };

  float acc[TR][T][4] = {};
  const std::uint32_t bank = static_cast<std::uint32_t>(lane) * 4;
  auto decode = [&](std::uint32_t(&a)[4], std::uint32_t codes) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      a[k] = load_dynamic(permute_bytes(codes, bank, 0x7604U | static_cast<unsigned>(k) << 4));
    }
  };
  auto add_scaled = [&](float(&to)[T][4], const float(&from)[T][4], std::uint32_t scales) {
    const float s0 = half_to_float(scales & 0xFFFFU);
    const float s1 = half_to_float(scales >> 16);
#pragma unroll
    for (int nt = 0; nt < T; ++nt) {
      to[nt][0] += s0 * from[nt][0];
      to[nt][2] += s1 * from[nt][2];
      if (!V::kOne) {
        to[nt][1] += s0 * from[nt][1];
        to[nt][3] += s1 * from[nt][3];
      }
    }
  };

  auto consume = [&](const typename F::template Item<TR>& item, int i) {
    if constexpr (F::kCodes && V::kByGroup && kWarpGroups) {
      float sums[2][T][4] = {};
      std::uint32_t a[2][4][4];
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        const int block = i * 2 + q;
        const std::uint32_t at = shared_address(x) + static_cast<std::uint32_t>(block * block_bytes);
#pragma unroll
        for (int step = 0; step < 4; ++step) {
          decode(a[q][step], item.codes[0][q][step]);
        }
        wgmma_begin();
#pragma unroll
        for (int step = 0; step < 4; ++step) {
          wgmma<T>(sums[q], a[q][step],
                   operand_address(at + static_cast<std::uint32_t>(step * 2 * p.rows * 16),
                                   static_cast<std::uint32_t>(p.rows) * 16),
                   step > 0);
        }
        wgmma_commit();
      }
      wgmma_wait<1>();
#pragma unroll
      for (int nt = 0; nt < T; ++nt) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          pin(sums[0][nt][e]);
        }
      }
      add_scaled(acc[0], sums[0], item.scales[0][0]);
      wgmma_wait<0>();
#pragma unroll
      for (int nt = 0; nt < T; ++nt) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          pin(sums[1][nt][e]);
        }
      }
      add_scaled(acc[0], sums[1], item.scales[0][1]);
    } else {
#pragma unroll
      for (int q = 0; q < F::kBlocks; ++q) {
        const int block = i * F::kBlocks + q;
        float sums[TR][T][4];
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          std::uint32_t b[T][4];
          load_x(b, block, h);
#pragma unroll
          for (int tr = 0; tr < TR; ++tr) {
#pragma unroll
            for (int s = 0; s < 2; ++s) {
              std::uint32_t a[4];
              if constexpr (F::kCodes) {
                decode(a, item.codes[tr][q][2 * h + s]);
              } else {
#pragma unroll
                for (int k = 0; k < 4; ++k) {
                  a[k] = item.values[tr][2 * h + s][k];
                }
              }
#pragma unroll
              for (int nt = 0; nt < T; ++nt) {
                if constexpr (!F::kCodes) {
                  mma(acc[tr][nt], a, b[nt][2 * s], b[nt][2 * s + 1]);
                } else if (h == 0 && s == 0) {
                  mma_first(sums[tr][nt], a, b[nt][0], b[nt][1]);
                } else {
                  mma(sums[tr][nt], a, b[nt][2 * s], b[nt][2 * s + 1]);
                }
              }
            }
          }
        }
        if constexpr (F::kCodes) {
#pragma unroll
          for (int tr = 0; tr < TR; ++tr) {
            add_scaled(acc[tr], sums[tr], item.scales[tr][q]);
          }
        }
      }
    }
  };

  auto add_up = [&](int group) {
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      const int tile = (group * WR + wr) * TR + tr;
      const int section = (tile >= lora.second ? 1 : 0) + (tile >= lora.third ? 1 : 0);
      auto add_step = [&](const std::uint32_t(&a)[4], int step) {
#pragma unroll
        for (int nt = 0; nt < T; ++nt) {
          std::uint32_t b[2];
          load_two_matrices(b, down + ((section * steps * 2 + step * 2 + ((lane >> 3) & 1)) * kPadded +
                                       nt * 8 + (lane & 7)) *
                                          8);
          mma(acc[tr][nt], a, b[0], b[1]);
        }
      };
#pragma unroll
      for (int l = 0; l < kAhead; ++l) {
        if (wk + l * WK < steps) {
          add_step(up[tr][l], wk + l * WK);
        }
      }
      for (int step = wk + kAhead * WK; step < steps; step += WK) {
        std::uint32_t a[4];
        load_up(a, tile, step);
        add_step(a, step);
      }
    }
  };
  auto finish = [&](int group) {
    need(items);
    if (adds) {
      if (!have_down) {
        read_down();
      }
      add_up(group);
      fetch_up(group + stride);
    }
#pragma unroll
    for (int tr = 0; tr < TR; ++tr) {
      store_sums(((wk * WR + wr) * TR + tr) * T * 128, acc[tr]);
#pragma unroll
      for (int nt = 0; nt < T; ++nt) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          acc[tr][nt][i] = 0.0F;
        }
      }
    }
    __syncthreads();
    constexpr int kOut = WR * TR * T * 128;
    for (int o = tid; o < kOut; o += kThreads) {
      const Spot spot = spot_of(o);
      if (spot.m < p.rows) {
        float v = 0.0F;
#pragma unroll
        for (int k = 0; k < WK; ++k) {
          v += *sum_at(k * kOut + o);
        }
        const int tile = group * WR * TR + (o >> 7) / T;
        p.y[(static_cast<std::int64_t>(split) * p.rows + spot.m) * p.weight.rows + tile * 16 + spot.row] = v;
      }
    }
    if (M::kTwice) {
      buffer ^= 1;
    } else {
      __syncthreads();
    }
  };

  int group = first;
  int i = wk;
  while (group < groups) {
#pragma unroll
    for (int d = 0; d < D; ++d) {
      if (group < groups) {
        if (ready < 4) {
          need(i - wk + WK < items ? i - wk + WK : items);
        }
        if (adds && !have_down && 2 * (i - wk) >= items) {
          read_down();
        }
        consume(ring[d], i);
        fetch(ring[d]);
        i += WK;
        if (i >= items) {
          finish(group);
          i = wk;
          group += stride;
        }
      }
    }
  }
}

template <typename V>
bool variant_fits(const DecodeProduct& p, int splits) {
  const int items = p.weight.columns / 64 / V::Format::kBlocks;
  return (p.weight.scales != nullptr) == V::Format::kCodes &&
         (V::kOne ? p.rows == 1 : p.rows <= 8 * V::kRows && (V::kRows == 1 || p.rows == 8 * V::kRows)) &&
         p.weight.rows % (V::kWarpRows * V::kTiles * 16) == 0 && items % splits == 0 &&
         items / splits >= V::kWarpColumns &&
         static_cast<std::size_t>(
             Memory<V>::bytes(p.adapter.width(), p.weight.columns / 64 / splits, p.rows)) <= most_shared();
}

template <typename V>
int variant_blocks(const DecodeProduct& p) {
  const int groups = p.weight.rows / (V::kWarpRows * V::kTiles * 16);
  return std::max(1, std::min(groups, V::kPerMultiprocessor * multiprocessors() / p.splits));
}

template <typename V, RowSource kSource>
void launch_variant(DecodeProduct p, Stream stream) {
  const Grid grid{dim3(static_cast<unsigned>(p.splits * variant_blocks<V>(p))), V::kThreads,
                  static_cast<std::size_t>(
                      Memory<V>::bytes(p.adapter.width(), p.weight.columns / 64 / p.splits, p.rows))};
#ifdef ROUTEDK_EMULATE_CUDA
  p.only = 1;
  if (p.adapter.ranks > 0) {
    launch_dependent("decode_product", decode_product<V, kSource>, grid, stream, p);
  }
  p.only = 2;
#endif
  launch_dependent("decode_product", decode_product<V, kSource>, grid, stream, p);
}

}  // namespace routedk::kernels::cuda
