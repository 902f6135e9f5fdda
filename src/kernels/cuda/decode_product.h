/// Products of 1 to 64 rows with a frozen matrix and the experts' stacked LoRA term, for a decoding step.
///
/// Weights are rearranged once into the order in which each lane feeds the tensor cores (16 x 16 fragments):
///   bf16  [N/16][K/16][32 lanes][4 words]: lane 4 g + t holds columns 2t, 2t+1 of rows g, g+8, then of
///         columns + 8
///   NF4   codes [N/16][K/64][32 lanes][4 steps of 16 columns][4 bytes], the same order, two codes per byte;
///         scales [N/16][K/128][8 g] of 4 fp16: (row g, block 0), (g + 8, 0), (g, 1), (g + 8, 1)
/// N is a multiple of 16; K is padded with zeros to a multiple of 128 (bf16 alone: 64).
/// x is stored as [K/8][M][8] bf16. y is [splits][M][N] fp32: partial sums over K, which the reader adds in
/// order.
#pragma once

#include <cstdint>

#include "device.h"

namespace routedk::kernels::cuda {

struct FrozenTiles {
  const void* codes = nullptr;   // as above
  const void* scales = nullptr;  ///< null: bf16
  int rows = 0;                  // N
  int columns = 0;               // K, padded
};

/// ((x A^T) * alpha) B^T of all experts, stacked; B includes their scales. Linears that share x are sections:
/// each has R ranks and its own row tiles.
struct StackedAdapter {
  const void* a = nullptr;                // bf16 tiles [sections * R, K]
  const void* b = nullptr;                // bf16 tiles [N, R]
  const unsigned char* expert = nullptr;  // [sections * R]: the expert of each rank
  int ranks = 0;                          // R, a multiple of 16; 0: no adapter
  int sections = 1;
  int second = 1 << 30;  ///< first row tile of the second section
  int third = 1 << 30;
  // set for each pass
  const float* alpha = nullptr;   // [S, experts]
  const int* sequence = nullptr;  // [M]: row of alpha
  int experts = 0;                // K
  float* down = nullptr;          // [parts][M][sections * R]: scratch for x A^T
  int* done = nullptr;            ///< 0 before the product

  constexpr int width() const { return ranks * sections; }
};

/// How the kernel computes a single row x as it reads it, which saves a launch.
enum class RowSource : unsigned char {
  kMemory,
  kNorm,       ///< RMSNorm of hidden + parts
  kSwiglu,     ///< from the two halves of parts
  kAttention,  ///< the merged states of attention
};
struct RowParts {
  const float* parts = nullptr;  // [count][K], [count][2 K] or [count][H][C]
  int count = 0;
  const int* counted = nullptr;   ///< the count, if only the GPU knows it
  int width = 0;                  // K before padding
  const float* hidden = nullptr;  // [K], like new_hidden and gain
  float* new_hidden = nullptr;    ///< receives hidden + parts
  const float* gain = nullptr;    // [K]
  float epsilon = 0.0F;
  const float2* states = nullptr;  // [count][H]: largest score (base 2), sum
  int heads = 0;                   // H
};

struct DecodeProduct {
  FrozenTiles weight;
  StackedAdapter adapter;
  RowParts source;
  const std::uint16_t* x = nullptr;
  float* y = nullptr;
  int rows = 0;    // M: 1, 2, 4, 8, 16, 32 or 64
  int splits = 1;  ///< of K
  int pieces = 1;  ///< pieces of a split's columns, for x A^T
  int only = 0;    ///< emulator: 1 computes x A^T alone, 2 everything else
};

/// A variant and its number of splits of K.
struct ProductPlan {
  int variant = -1;
  int splits = 1;
  int pieces = 1;
};

/// The plan for that shape on this GPU; variant -1 if none fits.
ProductPlan plan_product(const DecodeProduct& product, RowSource source = RowSource::kMemory);
/// Sets splits and pieces from the plan and launches the kernel.
void launch_decode_product(DecodeProduct product, const ProductPlan& plan, Stream stream);
/// The same, with x computed from its source.
void launch_decode_product(DecodeProduct product, RowSource source, const ProductPlan& plan, Stream stream);

/// For tests and tuning: variants by number, and whether one supports the product with that many splits.
int product_variants();
const char* product_variant_name(int variant);
bool product_variant_fits(int variant, const DecodeProduct& product, RowSource source, int splits);
int product_pieces(const DecodeProduct& product, int splits);

}  // namespace routedk::kernels::cuda
