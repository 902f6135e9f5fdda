/// Frozen matrices in the layout of decode_product.h.
#pragma once

#include "routedk/kernels/nf4.h"

#include <cstdint>
#include <span>

#include "decode_product.h"
#include <ATen/ATen.h>

namespace routedk::kernels::cuda {

struct Tiles {
  at::Tensor codes;
  at::Tensor scales;         // undefined: bf16
  std::int64_t rows = 0;     // N, a multiple of 16
  std::int64_t columns = 0;  // K, padded

  FrozenTiles view() const;
  std::int64_t bytes() const;
};

/// Whether the matrix has the codebook and the block boundaries that the tiles assume.
bool fits_tiles(const Nf4& matrix);
/// Matrices of equal width, stacked; their rows are multiples of 16. Scales are rounded to fp16.
Tiles nf4_tiles(std::span<const Nf4* const> matrices);
/// values [N,K] of any floating type; rows are padded with zeros to a multiple of 16, columns to one of
/// `padded`.
Tiles bf16_tiles(const at::Tensor& values, std::int64_t padded);

}  // namespace routedk::kernels::cuda
