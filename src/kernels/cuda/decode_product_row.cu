#include "decode_product_launch.h"

namespace routedk::kernels::cuda {

std::span<const ProductVariant> nf4_row_variants() {
  static constexpr ProductVariant kVariants[] = {
      variant<Variant<Nf4Format, 0, 2, 8, 1, 4>, true>("nf4 1: 2x8 d4"),
      variant<Variant<Nf4Format, 0, 1, 16, 1, 2>, true>("nf4 1: 1x16 d2"),
      variant<Variant<Nf4Format, 0, 1, 8, 1, 4>, true>("nf4 1: 1x8 d4"),
      variant<Variant<Nf4Format, 0, 1, 8, 1, 4, false, 2>, true>("nf4 1: 1x8 d4 twice"),
      variant<Variant<Nf4Format, 0, 2, 4, 1, 4, false, 2>, true>("nf4 1: 2x4 d4 twice"),
      variant<Variant<Nf4Format, 0, 4, 4, 1, 4>, true>("nf4 1: 4x4 d4"),
      variant<Variant<Nf4Format, 0, 1, 1, 1, 2>>("nf4 1: 1x1"),
  };
  return kVariants;
}

}  // namespace routedk::kernels::cuda
