/// How a variant of decode_product divides its work and its shared memory.
#pragma once

namespace routedk::kernels::cuda {

/// A variant: MT groups of 8 rows of x (0: exactly one row); WR x WK warps, of which WR take TR row tiles
/// each and WK split the columns; D items in flight per warp; kGroups: four warps feed the tensor cores
/// together (wgmma) where the GPU can; kBlocks: blocks per multiprocessor.
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
  /// Leaves room for a block of the next kernel to start.
  static constexpr int kAtOnce = kThreads <= 256 && T * TR == 1 ? 2 : 1;
  static_assert(!kGroups || (WR % 4 == 0 && !kOne && TR == 1));
};

/// Shared memory of a block. The table of NF4 pairs comes first, one entry per 256 bytes, so that one byte
/// permute of codes and lane gives an entry's address; the warps' sums are stored between its entries.
template <typename V>
struct Memory {
  static constexpr int kSums = V::kWarpRows * V::kWarpColumns * V::kTiles * V::T;  // of 16 x 8 floats
  static constexpr bool kTwice = kSums * 512 * 2 <= 32768;                         // double buffering
  static constexpr int kSumBytes = kSums * 512 * (kTwice ? 2 : 1);
  static_assert(kSumBytes <= 32768, "the sums must fit between the entries of the table");
  static constexpr int kZero = V::Format::kCodes ? 65536 : kSumBytes;  // 16 bytes of zeros
  static constexpr int kScratch = kZero + 16;                          // one float per warp
  static constexpr int kDown = kScratch + 64;                          // x A^T

  static constexpr int x(int width) { return kDown + width * 8 * V::T * 2; }
  static constexpr int bytes(int width, int blocks, int rows) { return x(width) + blocks * rows * 128; }
};

}  // namespace routedk::kernels::cuda
