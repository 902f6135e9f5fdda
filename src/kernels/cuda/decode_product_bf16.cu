#include "decode_product_launch.h"

namespace routedk::kernels::cuda {

std::span<const ProductVariant> bf16_variants() {
  static constexpr ProductVariant kVariants[] = {
      variant<Variant<Bf16Format, 0, 1, 16, 1, 3>>("bf16 1: 1x16 d3"),
      variant<Variant<Bf16Format, 0, 4, 4, 1, 3>>("bf16 1: 4x4 d3"),
      variant<Variant<Bf16Format, 0, 1, 1, 1, 2>>("bf16 1: 1x1"),
      variant<Variant<Bf16Format, 1, 1, 16, 1, 3>>("bf16 8: 1x16 d3"),
      variant<Variant<Bf16Format, 1, 4, 4, 1, 3>>("bf16 8: 4x4 d3"),
      variant<Variant<Bf16Format, 1, 1, 1, 1, 2>>("bf16 8: 1x1"),
      variant<Variant<Bf16Format, 2, 1, 16, 1, 2>>("bf16 16: 1x16 d2"),
      variant<Variant<Bf16Format, 2, 1, 1, 1, 2>>("bf16 16: 1x1"),
      variant<Variant<Bf16Format, 4, 4, 4, 1, 2>>("bf16 32: 4x4 d2"),
      variant<Variant<Bf16Format, 4, 1, 1, 1, 2>>("bf16 32: 1x1"),
      variant<Variant<Bf16Format, 8, 4, 2, 1, 2>>("bf16 64: 4x2 d2"),
      variant<Variant<Bf16Format, 8, 1, 1, 1, 2>>("bf16 64: 1x1"),
  };
  return kVariants;
}

}  // namespace routedk::kernels::cuda
