#include "decode_product_launch.h"

namespace routedk::kernels::cuda {

std::span<const ProductVariant> nf4_many_variants() {
  static constexpr ProductVariant kVariants[] = {
      variant<Variant<Nf4Format, 4, 4, 4, 1, 2, true>>("nf4 32: 4x4 d2 groups"),
      variant<Variant<Nf4Format, 4, 8, 2, 1, 2, true>>("nf4 32: 8x2 d2 groups"),
      variant<Variant<Nf4Format, 4, 4, 2, 1, 4, true>>("nf4 32: 4x2 d4 groups"),
      variant<Variant<Nf4Format, 4, 4, 2, 2, 2>>("nf4 32: 4x2x2 d2"),
      variant<Variant<Nf4Format, 4, 4, 4, 1, 2>>("nf4 32: 4x4 d2"),
      variant<Variant<Nf4Format, 4, 1, 1, 1, 2>>("nf4 32: 1x1"),
      variant<Variant<Nf4Format, 8, 4, 2, 1, 2, true>>("nf4 64: 4x2 d2 groups"),
      variant<Variant<Nf4Format, 8, 8, 1, 1, 2, true>>("nf4 64: 8x1 d2 groups"),
      variant<Variant<Nf4Format, 8, 8, 1, 1, 2>>("nf4 64: 8x1 d2"),
      variant<Variant<Nf4Format, 8, 1, 1, 1, 2>>("nf4 64: 1x1"),
  };
  return kVariants;
}

}  // namespace routedk::kernels::cuda
