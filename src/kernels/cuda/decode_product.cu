/// The choice of variant for a product.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "decode_product_table.h"
#include "graph_launch.h"

namespace routedk::kernels::cuda {
namespace {

const std::vector<ProductVariant>& variants() {
  static const std::vector<ProductVariant> kAll = [] {
    std::vector<ProductVariant> all;
    for (const auto& some : {nf4_row_variants(), nf4_few_variants(), nf4_many_variants(), bf16_variants()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return kAll;
}
const ProductVariant& variant_of(int number) {
  return variants()[static_cast<std::size_t>(number)];
}

/// The fastest variants on an H100 for Llama-3.1-8B with three experts of rank 16: for each number of rows
/// qkv, o, gate_up, down and head (benchmarks/gpu/product_speed.cpp).
struct Measured {
  int rows;     // M
  int out;      // N
  int columns;  // K
  std::string_view variant;
  int splits;
};
constexpr Measured kMeasured[] = {
    {1, 6144, 4096, "nf4 1: 4x4 d4", 4},
    {1, 4096, 4096, "nf4 1: 4x4 d4", 4},
    {1, 28672, 4096, "nf4 1: 4x4 d4", 2},
    {1, 4096, 14336, "nf4 1: 4x4 d4", 4},
    {1, 128256, 4096, "bf16 1: 1x16 d3", 1},
    {2, 6144, 4096, "nf4 8: 2x8x2 d2", 4},
    {2, 4096, 4096, "nf4 8: 2x8x2 d2", 2},
    {2, 28672, 4096, "nf4 8: 2x8x2 d2", 2},
    {2, 4096, 14336, "nf4 8: 2x8x2 d2", 2},
    {2, 128256, 4096, "bf16 8: 1x16 d3", 1},
    {4, 6144, 4096, "nf4 8: 2x8x2 d2", 4},
    {4, 4096, 4096, "nf4 8: 2x8x2 d2", 2},
    {4, 28672, 4096, "nf4 8: 2x8x2 d2", 2},
    {4, 4096, 14336, "nf4 8: 2x8x2 d2", 2},
    {4, 128256, 4096, "bf16 8: 1x16 d3", 1},
    {8, 6144, 4096, "nf4 8: 2x8x2 d2", 4},
    {8, 4096, 4096, "nf4 8: 2x8x2 d2", 4},
    {8, 28672, 4096, "nf4 8: 2x8x2 d2", 2},
    {8, 4096, 14336, "nf4 8: 2x8x2 d2", 4},
    {8, 128256, 4096, "bf16 8: 4x4 d3", 1},
    {16, 6144, 4096, "nf4 16: 4x4 d3 groups", 4},
    {16, 4096, 4096, "nf4 16: 4x4 d3 groups", 4},
    {16, 28672, 4096, "nf4 16: 4x4 d3 groups", 2},
    {16, 4096, 14336, "nf4 16: 4x4 d3 groups", 8},
    {16, 128256, 4096, "bf16 16: 1x16 d2", 1},
    {32, 6144, 4096, "nf4 32: 4x4 d2 groups", 4},
    {32, 4096, 4096, "nf4 32: 4x2x2 d2", 4},
    {32, 28672, 4096, "nf4 32: 4x4 d2 groups", 2},
    {32, 4096, 14336, "nf4 32: 4x4 d2 groups", 8},
    {32, 128256, 4096, "bf16 32: 4x4 d2", 2},
    {64, 6144, 4096, "nf4 64: 4x2 d2 groups", 4},
    {64, 4096, 4096, "nf4 64: 8x1 d2 groups", 4},
    {64, 28672, 4096, "nf4 64: 8x1 d2 groups", 4},
    {64, 4096, 14336, "nf4 64: 8x1 d2 groups", 16},
};

constexpr std::array<int, 7> kSplits = {1, 2, 4, 7, 8, 14, 16};

/// Whether there are as many blocks as the GPU has multiprocessors, or nearly.
bool fills(const DecodeProduct& product, const ProductVariant& variant, int splits) {
  DecodeProduct p = product;
  p.splits = splits;
  return 4 * splits * variant.blocks(p) >= 3 * multiprocessors();
}

}  // namespace

int product_variants() {
  return static_cast<int>(variants().size());
}

const char* product_variant_name(int variant) {
  return variant_of(variant).name;
}

bool product_variant_fits(int variant, const DecodeProduct& product, RowSource source, int splits) {
  const ProductVariant& v = variant_of(variant);
  const bool wide_enough = source != RowSource::kNorm || product.weight.columns <= 8 * v.threads;
  return v.launch[static_cast<int>(source)] != nullptr && wide_enough && v.fits(product, splits);
}

/// Enough pieces for x A^T to keep all blocks busy, and few enough that reading its parts stays cheap.
int product_pieces(const DecodeProduct& product, int splits) {
  if (product.adapter.ranks == 0) {
    return 1;
  }
  const int blocks = product.weight.columns / 64 / splits;
  const int most = std::max(1, (product.rows == 1 ? 16 : product.rows <= 8 ? 8 : 4) / splits);
  const int tiles = product.adapter.width() / 16;
  return std::clamp(multiprocessors() / splits / tiles, 1, std::min(blocks, most));
}

ProductPlan plan_product(const DecodeProduct& product, RowSource source) {
  const auto plan = [&](int variant, int splits) {
    return ProductPlan{variant, splits, product_pieces(product, splits)};
  };
  for (const Measured& m : kMeasured) {
    for (int v = 0; v < product_variants() && m.rows == product.rows && m.out == product.weight.rows &&
                    m.columns == product.weight.columns;
         ++v) {
      if (m.variant == variant_of(v).name && product_variant_fits(v, product, source, m.splits)) {
        return plan(v, m.splits);
      }
    }
  }
  ProductPlan found;
  for (int v = 0; v < product_variants(); ++v) {
    for (const int splits : kSplits) {
      if (product_variant_fits(v, product, source, splits)) {
        if (fills(product, variant_of(v), splits)) {
          return plan(v, splits);
        }
        found = found.variant < 0 ? plan(v, splits) : found;
      }
    }
  }
  return found;
}

void launch_decode_product(DecodeProduct product, RowSource source, const ProductPlan& plan, Stream stream) {
  product.splits = plan.splits;
  product.pieces = plan.pieces;
  variant_of(plan.variant).launch[static_cast<int>(source)](product, stream);
}

void launch_decode_product(DecodeProduct product, const ProductPlan& plan, Stream stream) {
  launch_decode_product(product, RowSource::kMemory, plan, stream);
}

}  // namespace routedk::kernels::cuda
