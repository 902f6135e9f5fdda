#include "routedk/core/random.h"
#include "routedk/kernels/cpu/vectorised.h"

#include <array>
#include <cstring>
#include <utility>

#include "../devices.h"
#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

constexpr double kLevels = 65536.0;

/// Which draws drop an element, and the factor of the kept ones.
struct Kept {
  std::uint32_t threshold;
  double scale() const { return kLevels / (kLevels - threshold); }
};

/// SplitMix64 numbers, starting at number `first`. AVX-512 multiplies 64-bit integers and rounds to bfloat16
/// in parallel.
ROUTEDK_CLONES void draw(std::uint64_t key, std::uint64_t first, std::uint64_t* draws, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    draws[i] = mix64(key + (first + static_cast<std::uint64_t>(i)) * 0x9E3779B97F4A7C15ULL);
  }
}

template <typename T>
ROUTEDK_INLINE void mask_elements(const T* x, T* out, const std::uint16_t* draws, std::int64_t width,
                                  const Kept& kept) {
  using Product = at::opmath_type<T>;
  const auto scale = static_cast<Product>(kept.scale());
  const std::uint32_t threshold = kept.threshold;
  for (std::int64_t i = 0; i < width; ++i) {
    out[i] = draws[i] < threshold ? T(0) : static_cast<T>(static_cast<Product>(x[i]) * scale);
  }
}

ROUTEDK_CLONES void mask_row(const float* x, float* out, const std::uint16_t* draws, std::int64_t width,
                             const Kept& kept) {
  mask_elements(x, out, draws, width, kept);
}
ROUTEDK_CLONES void mask_row(const c10::BFloat16* x, c10::BFloat16* out, const std::uint16_t* draws,
                             std::int64_t width, const Kept& kept) {
  mask_elements(x, out, draws, width, kept);
}
void mask_row(const double* x, double* out, const std::uint16_t* draws, std::int64_t width,
              const Kept& kept) {
  mask_elements(x, out, draws, width, kept);
}

/// Rows begin..end of one segment: four 16-bit draws per 64-bit number; each row starts a new number.
template <typename T>
void mask_rows(const T* x, T* out, std::int64_t width, const DropoutSegment& segment, const Kept& kept) {
  const std::int64_t numbers = (width + 3) / 4;
  at::parallel_for(segment.begin, segment.end, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> bits(static_cast<std::size_t>(numbers));
    std::vector<std::uint16_t> draws(bits.size() * 4);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t of_sequence = segment.first + row - segment.begin;
      draw(segment.key, static_cast<std::uint64_t>(of_sequence * numbers), bits.data(), numbers);
      std::memcpy(draws.data(), bits.data(), draws.size() * sizeof(std::uint16_t));
      mask_row(x + row * width, out + row * width, draws.data(), width, kept);
    }
  });
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, const DropoutMask& mask) {
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, in.scalar_type(), "dropout", [&] {
    for (const DropoutSegment& segment : mask.segments) {
      mask_rows(in.const_data_ptr<scalar_t>(), out.mutable_data_ptr<scalar_t>(), in.size(1), segment,
                Kept{mask.threshold});
    }
  });
  return out;
}

void add_dropped_product(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right,
                         const DropoutMask& mask) {
  sum.add_(dropout(at::mm(left, right), mask));
}

}  // namespace routedk::kernels::cpu
