/// A variant of decode_product as an entry of the table; included by the .cu files that instantiate variants.
#pragma once

#include <algorithm>

#include "decode_product_kernel.h"
#include "decode_product_table.h"
#include "graph_launch.h"

namespace routedk::kernels::cuda {

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

/// Reads x from memory and, with kMakesRows, also computes it from any source.
template <typename V, bool kMakesRows = false>
constexpr ProductVariant variant(const char* name) {
  ProductVariant entry{
      name, variant_fits<V>, variant_blocks<V>, V::kThreads, {launch_variant<V, RowSource::kMemory>}};
  if constexpr (kMakesRows) {
    entry.launch[static_cast<int>(RowSource::kNorm)] = launch_variant<V, RowSource::kNorm>;
    entry.launch[static_cast<int>(RowSource::kSwiglu)] = launch_variant<V, RowSource::kSwiglu>;
    entry.launch[static_cast<int>(RowSource::kAttention)] = launch_variant<V, RowSource::kAttention>;
  }
  return entry;
}

}  // namespace routedk::kernels::cuda
