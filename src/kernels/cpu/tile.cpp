#include "routedk/kernels/cpu/tile.h"

#include "routedk/kernels/cpu/capability.h"

#include <bit>

#include "tile_amx.h"
#include "tile_rows.h"

namespace routedk::kernels::cpu {
namespace {

typedef float Floats8 __attribute__((vector_size(32)));          // NOLINT(modernize-use-using)
typedef float Floats16 __attribute__((vector_size(64)));         // NOLINT(modernize-use-using)
typedef std::uint32_t Pairs8 __attribute__((vector_size(32)));   // NOLINT(modernize-use-using)
typedef std::uint32_t Pairs16 __attribute__((vector_size(64)));  // NOLINT(modernize-use-using)

/// Contracts to fused multiply-adds.
struct FloatProducts {
  using Word = float;
  template <typename Vector>
  ROUTEDK_INLINE static void add_product(Vector& sum, float a, const Vector& b) {
    sum += a * b;
  }
};

/// In the order of the CPU's own instruction: the second number of a pair first (Intel SDM, VDPBF16PS).
struct PairProducts {
  using Word = Pair;
  template <typename Vector, typename Words>
  ROUTEDK_INLINE static void add_product(Vector& sum, Pair a, const Words& b) {
    sum += std::bit_cast<float>(a & 0xFFFF0000U) * __builtin_bit_cast(Vector, b & 0xFFFF0000U);
    sum += std::bit_cast<float>(a << 16U) * __builtin_bit_cast(Vector, b << 16U);
  }
};

/// The instruction itself.
struct DotProducts {
  using Word = Pair;
  ROUTEDK_INLINE static void add_product(Floats16& sum, Pair a, const Pairs16& b) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(Pairs16{} + a), "v"(b));
  }
};

template <typename Products>
struct Scalar : Products {
  using Vector = float;
  using Words = typename Products::Word;
  static constexpr std::int64_t kLanes = 1;
  static constexpr int kVectors = 8;
  static constexpr int kRows = 2;
  using Narrow = Scalar;
};

template <typename Products>
struct Avx2 : Products {  // 16 registers: 6 x 2 sums, 2 for the panel, 1 for A
  using Vector = Floats8;
  using Words = std::conditional_t<std::is_same_v<typename Products::Word, Pair>, Pairs8, Floats8>;
  static constexpr std::int64_t kLanes = 8;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 6;
  using Narrow = Avx2;
};

template <typename Products>
struct Avx512Narrow : Products {  // as many sums for 16 columns, the usual rank
  using Vector = Floats16;
  using Words = std::conditional_t<std::is_same_v<typename Products::Word, Pair>, Pairs16, Floats16>;
  static constexpr std::int64_t kLanes = 16;
  static constexpr int kVectors = 1;
  static constexpr int kRows = 24;
};

template <typename Products>
struct Avx512 : Avx512Narrow<Products> {  // 32 registers: 12 x 2 sums, 2 for the panel
  static constexpr int kVectors = 2;
  static constexpr int kRows = 12;
  using Narrow = Avx512Narrow<Products>;
};

template <typename Products, bool kTransposed>
void tile_scalar(const TileRows<typename Products::Word>& rows, const typename Products::Word* panel,
                 std::int64_t depth, std::int64_t width, bool add) {
  tile<Scalar<Products>, kTransposed>(rows, panel, depth, width, add);
}
template <typename Products, bool kTransposed>
__attribute__((target("avx2,fma"))) void tile_avx2(const TileRows<typename Products::Word>& rows,
                                                   const typename Products::Word* panel, std::int64_t depth,
                                                   std::int64_t width, bool add) {
  tile<Avx2<Products>, kTransposed>(rows, panel, depth, width, add);
}
template <typename Products, bool kTransposed>
__attribute__((target("avx512f,avx512vl,avx512bw,fma"))) void tile_avx512(
    const TileRows<typename Products::Word>& rows, const typename Products::Word* panel, std::int64_t depth,
    std::int64_t width, bool add) {
  tile<Avx512<Products>, kTransposed>(rows, panel, depth, width, add);
}

template <typename Products, bool kTransposed>
TileFn<typename Products::Word> choose() noexcept {
  switch (cpu_isa()) {
    case Isa::kAvx512:
      return tile_avx512<Products, kTransposed>;
    case Isa::kAvx2:
      return tile_avx2<Products, kTransposed>;
    case Isa::kScalar:
      break;
  }
  return tile_scalar<Products, kTransposed>;
}

/// AMX takes A; A given as its transpose uses the dot products.
template <bool kTransposed>
TileFn<Pair> choose_of_pairs() noexcept {
  if (!kTransposed && has_amx_products()) {
    return tile_amx<AmxTiles>;
  }
  return has_bfloat16_products() ? tile_avx512<DotProducts, kTransposed>
                                 : choose<PairProducts, kTransposed>();
}

}  // namespace

template <>
TileFn<float> choose_tile<float>() noexcept {
  return choose<FloatProducts, false>();
}

template <>
TileFn<Pair> choose_tile<Pair>() noexcept {
  return choose_of_pairs<false>();
}

template <>
TileFn<float> choose_transposed_tile<float>() noexcept {
  return choose<FloatProducts, true>();
}

template <>
TileFn<Pair> choose_transposed_tile<Pair>() noexcept {
  return choose_of_pairs<true>();
}

}  // namespace routedk::kernels::cpu
