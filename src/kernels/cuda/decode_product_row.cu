#include "decode_product_kernel.h"
#include "decode_product_table.h"

namespace routedk::kernels::cuda {
namespace {

template <typename V>
constexpr ProductVariant from_memory(const char* name) {
  return {name,
          variant_fits<V>,
          variant_blocks<V>,
          V::kThreads,
          {launch_variant<V, RowSource::kMemory>, nullptr, nullptr, nullptr}};
}
template <typename V>
constexpr ProductVariant from_all(const char* name) {
  return {name,
          variant_fits<V>,
          variant_blocks<V>,
          V::kThreads,
          {launch_variant<V, RowSource::kMemory>, launch_variant<V, RowSource::kNorm>,
           launch_variant<V, RowSource::kSwiglu>, launch_variant<V, RowSource::kAttention>}};
}

}  // namespace

std::span<const ProductVariant> nf4_row_variants() {
  static constexpr ProductVariant kVariants[] = {
      from_all<Variant<Nf4Format, 0, 2, 8, 1, 4>>("nf4 1: 2x8 d4"),
      from_all<Variant<Nf4Format, 0, 1, 16, 1, 2>>("nf4 1: 1x16 d2"),
      from_all<Variant<Nf4Format, 0, 1, 8, 1, 4>>("nf4 1: 1x8 d4"),
      from_all<Variant<Nf4Format, 0, 1, 8, 1, 4, false, 2>>("nf4 1: 1x8 d4 twice"),
      from_all<Variant<Nf4Format, 0, 2, 4, 1, 4, false, 2>>("nf4 1: 2x4 d4 twice"),
      from_all<Variant<Nf4Format, 0, 4, 4, 1, 4>>("nf4 1: 4x4 d4"),
      from_memory<Variant<Nf4Format, 0, 1, 1, 1, 2>>("nf4 1: 1x1"),
  };
  return kVariants;
}

}  // namespace routedk::kernels::cuda
