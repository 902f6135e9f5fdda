#include "decode_product_launch.h"

namespace routedk::kernels::cuda {

std::span<const ProductVariant> nf4_few_variants() {
  static constexpr ProductVariant kVariants[] = {
      variant<Variant<Nf4Format, 1, 2, 8, 2, 2>>("nf4 8: 2x8x2 d2"),
      variant<Variant<Nf4Format, 1, 1, 16, 1, 4>>("nf4 8: 1x16 d4"),
      variant<Variant<Nf4Format, 1, 4, 4, 1, 4>>("nf4 8: 4x4 d4"),
      variant<Variant<Nf4Format, 1, 1, 8, 1, 4>>("nf4 8: 1x8 d4"),
      variant<Variant<Nf4Format, 1, 2, 4, 1, 4>>("nf4 8: 2x4 d4"),
      variant<Variant<Nf4Format, 1, 2, 4, 1, 4, false, 2>>("nf4 8: 2x4 d4 twice"),
      variant<Variant<Nf4Format, 1, 1, 1, 1, 2>>("nf4 8: 1x1"),
      variant<Variant<Nf4Format, 2, 4, 4, 1, 3, true>>("nf4 16: 4x4 d3 groups"),
      variant<Variant<Nf4Format, 2, 4, 4, 1, 3>>("nf4 16: 4x4 d3"),
      variant<Variant<Nf4Format, 2, 1, 16, 1, 3>>("nf4 16: 1x16 d3"),
      variant<Variant<Nf4Format, 2, 1, 1, 1, 2>>("nf4 16: 1x1"),
  };
  return kVariants;
}

}  // namespace routedk::kernels::cuda
