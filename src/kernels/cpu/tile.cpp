#include "routedk/kernels/cpu/tile.h"

#include "routedk/kernels/cpu/vectorised.h"

#include "isa.h"

namespace routedk::kernels::cpu {
namespace {

struct Scalar {
  using Vector = float;
  static constexpr std::int64_t kLanes = 1;
  static constexpr int kVectors = 8;
  static constexpr int kRows = 2;
  using Narrow = Scalar;
};
struct Avx2 {                                             // 16 registers: 6 x 2 sums, 2 of the panel, 1 of A
  typedef float Vector __attribute__((vector_size(32)));  // NOLINT(modernize-use-using)
  static constexpr std::int64_t kLanes = 8;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 6;
  using Narrow = Avx2;
};
struct Avx512Narrow {                                     // as many sums for 16 columns, the usual rank
  typedef float Vector __attribute__((vector_size(64)));  // NOLINT(modernize-use-using)
  static constexpr std::int64_t kLanes = 16;
  static constexpr int kVectors = 1;
  static constexpr int kRows = 24;
};
struct Avx512 {                                           // 32 registers: 12 x 2 sums, 2 of the panel
  typedef float Vector __attribute__((vector_size(64)));  // NOLINT(modernize-use-using)
  static constexpr std::int64_t kLanes = 16;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 12;
  using Narrow = Avx512Narrow;
};

/// Element (i, k) of A, given as itself or as its transpose.
template <bool kTransposed>
ROUTEDK_INLINE std::int64_t place(const TileRows& rows, std::int64_t i, std::int64_t k) {
  return kTransposed ? k * rows.a_stride + i : i * rows.a_stride + k;
}

/// kCount rows times kVectors vectors of the panel's columns. Contracted to fused multiply-adds.
template <typename Registers, bool kTransposed, int kCount>
ROUTEDK_INLINE void multiply(const TileRows& rows, const float* panel, std::int64_t depth, float* out,
                             std::int64_t out_stride, bool add) {
  using Vector = typename Registers::Vector;
  Vector sum[kCount][Registers::kVectors] = {};
  for (int i = 0; i < kCount; ++i) {  // C is far away: it comes while the loop runs
    for (int j = 0; j < Registers::kVectors; ++j) {
      __builtin_prefetch(out + i * out_stride + j * Registers::kLanes, /*write=*/1);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector b[Registers::kVectors];
    for (int j = 0; j < Registers::kVectors; ++j) {
      std::memcpy(&b[j], panel + k * kPanel + j * Registers::kLanes, sizeof(Vector));
    }
    for (int i = 0; i < kCount; ++i) {
      const float a = rows.a[place<kTransposed>(rows, i, k)];
      for (int j = 0; j < Registers::kVectors; ++j) {
        sum[i][j] += a * b[j];
      }
    }
  }
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < Registers::kVectors; ++j) {
      float* const to = out + i * out_stride + j * Registers::kLanes;
      if (add) {
        Vector before;
        std::memcpy(&before, to, sizeof(Vector));
        sum[i][j] += before;
      }
      std::memcpy(to, &sum[i][j], sizeof(Vector));
    }
  }
}

/// As `multiply`, for columns of which only `width` belong to C.
template <typename Registers, bool kTransposed, int kCount>
ROUTEDK_INLINE void multiply_edge(const TileRows& rows, const float* panel, std::int64_t depth,
                                  std::int64_t width, bool add) {
  constexpr std::int64_t kColumns = Registers::kLanes * Registers::kVectors;
  float out[kCount * kColumns] = {};
  for (int i = 0; add && i < kCount; ++i) {
    std::memcpy(out + i * kColumns, rows.c + i * rows.c_stride,
                static_cast<std::size_t>(width) * sizeof(float));
  }
  multiply<Registers, kTransposed, kCount>(rows, panel, depth, out, kColumns, add);
  for (int i = 0; i < kCount; ++i) {
    std::memcpy(rows.c + i * rows.c_stride, out + i * kColumns,
                static_cast<std::size_t>(width) * sizeof(float));
  }
}

template <typename Registers, bool kTransposed, int kCount>
ROUTEDK_INLINE void some_rows(const TileRows& rows, const float* panel, std::int64_t depth,
                              std::int64_t width, bool add) {
  constexpr std::int64_t kColumns = Registers::kLanes * Registers::kVectors;
  for (std::int64_t column = 0; column < width; column += kColumns) {
    TileRows here = rows;
    here.c += column;
    if (width - column >= kColumns) {
      multiply<Registers, kTransposed, kCount>(here, panel + column, depth, here.c, here.c_stride, add);
    } else {
      multiply_edge<Registers, kTransposed, kCount>(here, panel + column, depth, width - column, add);
    }
  }
}

template <typename Registers, bool kTransposed>
ROUTEDK_INLINE void all_rows(const TileRows& rows, const float* panel, std::int64_t depth, std::int64_t width,
                             bool add) {
  std::int64_t done = 0;
  const auto at = [&](std::int64_t row) {
    return TileRows{rows.a + place<kTransposed>(rows, row, 0), rows.a_stride, rows.c + row * rows.c_stride,
                    rows.c_stride, 0};
  };
  for (; done + Registers::kRows <= rows.count; done += Registers::kRows) {
    some_rows<Registers, kTransposed, Registers::kRows>(at(done), panel, depth, width, add);
  }
  for (; done + 4 <= rows.count; done += 4) {
    some_rows<Registers, kTransposed, 4>(at(done), panel, depth, width, add);
  }
  for (; done < rows.count; ++done) {
    some_rows<Registers, kTransposed, 1>(at(done), panel, depth, width, add);
  }
}

template <typename Registers, bool kTransposed>
ROUTEDK_INLINE void tile(const TileRows& rows, const float* panel, std::int64_t depth, std::int64_t width,
                         bool add) {
  if (width <= Registers::Narrow::kLanes * Registers::Narrow::kVectors) {
    all_rows<typename Registers::Narrow, kTransposed>(rows, panel, depth, width, add);
  } else {
    all_rows<Registers, kTransposed>(rows, panel, depth, width, add);
  }
}

template <bool kTransposed>
void tile_scalar(const TileRows& rows, const float* panel, std::int64_t depth, std::int64_t width, bool add) {
  tile<Scalar, kTransposed>(rows, panel, depth, width, add);
}
template <bool kTransposed>
__attribute__((target("avx2,fma"))) void tile_avx2(const TileRows& rows, const float* panel,
                                                   std::int64_t depth, std::int64_t width, bool add) {
  tile<Avx2, kTransposed>(rows, panel, depth, width, add);
}
template <bool kTransposed>
__attribute__((target("avx512f,avx512vl,avx512bw,fma"))) void tile_avx512(const TileRows& rows,
                                                                          const float* panel,
                                                                          std::int64_t depth,
                                                                          std::int64_t width, bool add) {
  tile<Avx512, kTransposed>(rows, panel, depth, width, add);
}

template <bool kTransposed>
TileFn choose() noexcept {
  switch (cpu_isa()) {
    case Isa::kAvx512:
      return tile_avx512<kTransposed>;
    case Isa::kAvx2:
      return tile_avx2<kTransposed>;
    case Isa::kScalar:
      break;
  }
  return tile_scalar<kTransposed>;
}

}  // namespace

TileFn choose_tile() noexcept {
  return choose<false>();
}

TileFn choose_transposed_tile() noexcept {
  return choose<true>();
}

}  // namespace routedk::kernels::cpu
