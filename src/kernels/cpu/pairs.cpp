#include "routedk/kernels/cpu/pairs.h"

#include "routedk/kernels/cpu/capability.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <bit>
#include <cstring>

namespace routedk::kernels::cpu {
namespace {

constexpr std::uint32_t kUpper = 0xFFFF0000;
constexpr std::uint32_t kQuietNaN = 0x7FC00000;

/// Rounded to nearest even, in the upper half; the lower half is not cleared.
ROUTEDK_INLINE std::uint32_t rounded(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return is_nan ? kQuietNaN : bits + 0x7FFFU + (bits >> 16U & 1U);
}

ROUTEDK_INLINE Pair pair_of(float first, float second) {
  return rounded(first) >> 16U | (rounded(second) & kUpper);
}

typedef float Floats __attribute__((vector_size(64)));           // NOLINT(modernize-use-using)
typedef std::uint16_t Numbers __attribute__((vector_size(64)));  // NOLINT(modernize-use-using)

/// Rounds 32 numbers with the CPU's own instruction, which flushes subnormals to zero.
ROUTEDK_INLINE void round32(const float* first, const float* second, Numbers& numbers) {
  Floats low;
  Floats high;
  std::memcpy(&low, first, sizeof(low));
  std::memcpy(&high, second, sizeof(high));
  asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(numbers) : "v"(low), "v"(high));
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) std::int64_t interleave_by_32(const float* first,
                                                                                   const float* second,
                                                                                   std::int64_t size,
                                                                                   Pair* out) {
  std::int64_t i = 0;
  for (; i + 16 <= size; i += 16) {
    Numbers apart;
    round32(first + i, second + i, apart);
    const Numbers pairs =
        __builtin_shufflevector(apart, apart, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24,
                                9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    std::memcpy(out + i, &pairs, sizeof(pairs));
  }
  return i;
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) std::int64_t pair_up_by_32(const float* row,
                                                                                std::int64_t pairs,
                                                                                Pair* out) {
  std::int64_t i = 0;
  for (; i + 16 <= pairs; i += 16) {
    Numbers numbers;
    round32(row + 2 * i, row + 2 * i + 16, numbers);
    std::memcpy(out + i, &numbers, sizeof(numbers));
  }
  return i;
}

ROUTEDK_CLONES void interleave_rows(const float* first, const float* second, std::int64_t size, Pair* out) {
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = pair_of(first[i], second[i]);
  }
}

ROUTEDK_CLONES void widen_row(const float* first, std::int64_t size, Pair* out) {
  for (std::int64_t i = 0; i < size; ++i) {
    out[i] = rounded(first[i]) >> 16U;
  }
}

ROUTEDK_CLONES void pair_up(const float* row, std::int64_t pairs, Pair* out) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    out[i] = pair_of(row[2 * i], row[2 * i + 1]);
  }
}

}  // namespace

void to_pairs(const float* row, std::int64_t size, Pair* out) {
  const std::int64_t done = has_bfloat16_products() ? pair_up_by_32(row, size / 2, out) : 0;
  pair_up(row + 2 * done, size / 2 - done, out + done);
  if (size % 2 != 0) {
    out[size / 2] = rounded(row[size - 1]) >> 16U;
  }
}

void interleave(const float* first, const float* second, std::int64_t size, Pair* out) {
  if (second != nullptr) {
    const std::int64_t done = has_bfloat16_products() ? interleave_by_32(first, second, size, out) : 0;
    interleave_rows(first + done, second + done, size - done, out + done);
  } else {
    widen_row(first, size, out);
  }
}

}  // namespace routedk::kernels::cpu
