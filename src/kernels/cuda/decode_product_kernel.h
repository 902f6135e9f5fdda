/// The kernel of decode_product.h. It is one function, since its phases share registers.
#pragma once

#include "decode_product.h"
#include "decode_product_formats.h"
#include "decode_product_rows.h"
#include "decode_product_variant.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {

/// Blocks stride over groups of WR * TR row tiles. Each begins with its share of x A^T; all blocks read the
/// shares when they reach the B term.
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
  // Weights do not depend on earlier kernels: prefetch before waiting for those.
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
    // An entry is 128 bytes, one copy for each lane's bank, at a stride of 256.
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
    // x in four pieces by columns, so that work starts when the first arrives.
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
  auto need = [&](int upto) {  // waits until that many items of x have arrived
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

  // ldmatrix rows: rows beyond those of x read zeros.
  const bool real = T > 1 || (lane & 7) < p.rows;
  const unsigned char* x_row = real ? x + ((lane >> 3) * p.rows + (lane & 7)) * 16 : zero;
  const int half_bytes = real ? p.rows * 64 : 0;  // of 32 columns
  const std::uint32_t one_address = shared_address(x) + static_cast<std::uint32_t>(t) * 16;
  std::uint32_t one[2][4] = {};  // x of a single row: lanes 0..3, the others zero

  /// Loads columns 32 h .. 32 h + 32 of a block as right operands.
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
  auto sum_at = [&](int e) {  // e: index of the float among the sums
    e += buffer * M::kSums * 128;
    return reinterpret_cast<float*>(F::kCodes ? sm + ((e >> 5) << 8) + 128 + ((e & 31) << 2) : sm + e * 4);
  };
  // Offset of (row, column) in 16 x 8 sums: no two lanes of a store share a bank.
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
  /// The (row of x, row of the tile) of float o of T pieces.
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

}  // namespace routedk::kernels::cuda
