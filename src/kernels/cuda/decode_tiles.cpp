#include "decode_tiles.h"

#include <vector>

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kTile = 16;      // rows
constexpr std::int64_t kPadding = 128;  // columns
constexpr double kZeroPair = 0x77;      // two codes for the value 0

std::int64_t round_up(std::int64_t x, std::int64_t to) {
  return (x + to - 1) / to * to;
}

/// [N,K/2] bytes -> the order in which each lane feeds the tensor cores
at::Tensor tiled_codes(const at::Tensor& bytes) {
  const std::int64_t tiles = bytes.size(0) / kTile;
  const std::int64_t blocks = bytes.size(1) / 32;
  return bytes
      .view({tiles, 2, 8, blocks, 4, 2, 4})  // tile, half, g, block, step, half of the step, t
      .permute({0, 3, 2, 6, 4, 5, 1})
      .contiguous();
}

/// [N,K/64] fp16
at::Tensor tiled_scales(const at::Tensor& scales) {
  return scales.view({scales.size(0) / kTile, 2, 8, scales.size(1) / 2, 2})
      .permute({0, 3, 2, 4, 1})
      .contiguous();
}

}  // namespace

FrozenTiles Tiles::view() const {
  return {codes.const_data_ptr(), scales.defined() ? scales.const_data_ptr() : nullptr,
          static_cast<int>(rows), static_cast<int>(columns)};
}

std::int64_t Tiles::bytes() const {
  return static_cast<std::int64_t>(codes.nbytes()) +
         (scales.defined() ? static_cast<std::int64_t>(scales.nbytes()) : 0);
}

bool fits_tiles(const Nf4& matrix) {
  static const at::Tensor standard =
      at::tensor({-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                  0.7229568362236023, 1.0},
                 at::kFloat);
  return matrix.in_features() % kNf4Block == 0 && matrix.out_features() % kTile == 0 &&
         at::equal(matrix.parts().codebook.cpu(), standard);
}

Tiles nf4_tiles(std::span<const Nf4* const> matrices) {
  std::vector<at::Tensor> codes;
  std::vector<at::Tensor> scales;
  const std::int64_t width = matrices[0]->in_features();
  const std::int64_t columns = round_up(width, kPadding);
  std::int64_t rows = 0;
  for (const Nf4* matrix : matrices) {
    rows += matrix->out_features();
    const at::Tensor bytes = matrix->parts().codes.view({matrix->out_features(), width / 2});
    const at::Tensor absmax = matrix->absmax().view({matrix->out_features(), width / kNf4Block});
    codes.push_back(at::constant_pad_nd(bytes, {0, (columns - width) / 2}, kZeroPair));
    scales.push_back(at::constant_pad_nd(absmax.to(at::kHalf), {0, (columns - width) / kNf4Block}));
  }
  return {tiled_codes(at::cat(codes, 0)), tiled_scales(at::cat(scales, 0)), rows, columns};
}

Tiles bf16_tiles(const at::Tensor& values, std::int64_t padded) {
  const std::int64_t rows = round_up(values.size(0), kTile);
  const std::int64_t columns = round_up(values.size(1), padded);
  at::Tensor all = values.to(at::kBFloat16);
  if (rows != values.size(0) || columns != values.size(1)) {
    all = at::constant_pad_nd(all, {0, columns - values.size(1), 0, rows - values.size(0)});
  }
  const at::Tensor tiles = all.view({rows / kTile, 2, 8, columns / kTile, 2, 4, 2})
                               .permute({0, 3, 2, 5, 4, 1, 6})  // tile, step, g, t, half, row half, pair
                               .contiguous();
  return {tiles, {}, rows, columns};
}

}  // namespace routedk::kernels::cuda
