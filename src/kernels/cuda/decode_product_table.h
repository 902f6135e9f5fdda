/// The instantiated variants of decode_product, by file.
#pragma once

#include <span>

#include "decode_product.h"

namespace routedk::kernels::cuda {

struct ProductVariant {
  const char* name;
  bool (*fits)(const DecodeProduct& product, int splits);
  int (*blocks)(const DecodeProduct& product);
  int threads;
  void (*launch[4])(DecodeProduct product, Stream stream);  // by RowSource; null: not instantiated
};

std::span<const ProductVariant> nf4_row_variants();   ///< for one row
std::span<const ProductVariant> nf4_few_variants();   ///< 2 to 16
std::span<const ProductVariant> nf4_many_variants();  ///< 32 and 64
std::span<const ProductVariant> bf16_variants();

}  // namespace routedk::kernels::cuda
