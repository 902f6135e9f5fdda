#include "routedk/experts/dropout.h"

#include "routedk/core/random.h"

#include <array>
#include <cmath>
#include <cstring>

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::experts {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kLevels = 65536.0;

struct Mask : torch::CustomClassHolder {
  Mask(double rate, std::vector<DropoutSegment> parts)
      : threshold(static_cast<std::uint32_t>(std::lround(rate * kLevels))), segments(std::move(parts)) {}
  double scale() const { return kLevels / (kLevels - threshold); }

  std::uint32_t threshold;  // a 16-bit draw below it drops the element
  std::vector<DropoutSegment> segments;
};

// Also compiled for AVX-512, which multiplies 64-bit numbers and rounds to bfloat16 in parallel, and AVX2.
#define ROUTEDK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

/// SplitMix64 from number `first` on.
ROUTEDK_CLONES void draw(std::uint64_t key, std::uint64_t first, std::uint64_t* draws, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    draws[i] = mix64(key + (first + static_cast<std::uint64_t>(i)) * 0x9E3779B97F4A7C15ULL);
  }
}

template <typename T>
__attribute__((always_inline)) inline void mask_elements(const T* x, T* out, const std::uint16_t* draws,
                                                         std::int64_t width, const Mask& mask) {
  using Product = at::opmath_type<T>;
  const auto scale = static_cast<Product>(mask.scale());
  const std::uint32_t threshold = mask.threshold;
  for (std::int64_t i = 0; i < width; ++i) {
    out[i] = draws[i] < threshold ? T(0) : static_cast<T>(static_cast<Product>(x[i]) * scale);
  }
}

ROUTEDK_CLONES void mask_row(const float* x, float* out, const std::uint16_t* draws, std::int64_t width,
                             const Mask& mask) {
  mask_elements(x, out, draws, width, mask);
}
ROUTEDK_CLONES void mask_row(const c10::BFloat16* x, c10::BFloat16* out, const std::uint16_t* draws,
                             std::int64_t width, const Mask& mask) {
  mask_elements(x, out, draws, width, mask);
}
void mask_row(const double* x, double* out, const std::uint16_t* draws, std::int64_t width,
              const Mask& mask) {
  mask_elements(x, out, draws, width, mask);
}

/// Rows begin..end of one segment: four 16-bit draws from each 64-bit number, each row from a new number.
template <typename T>
void mask_rows(const T* x, T* out, std::int64_t width, const DropoutSegment& segment, const Mask& mask) {
  const std::int64_t numbers = (width + 3) / 4;
  at::parallel_for(segment.begin, segment.end, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> bits(static_cast<std::size_t>(numbers));
    std::vector<std::uint16_t> draws(bits.size() * 4);
    for (std::int64_t row = begin; row < end; ++row) {
      draw(segment.key, static_cast<std::uint64_t>((row - segment.begin) * numbers), bits.data(), numbers);
      std::memcpy(draws.data(), bits.data(), draws.size() * sizeof(std::uint16_t));
      mask_row(x + row * width, out + row * width, draws.data(), width, mask);
    }
  });
}

template <typename T>
void apply(const at::Tensor& x, const at::Tensor& out, const Mask& mask) {
  for (const DropoutSegment& segment : mask.segments) {
    mask_rows(x.const_data_ptr<T>(), out.mutable_data_ptr<T>(), x.size(1), segment, mask);
  }
}

at::Tensor masked(const at::Tensor& x, const Mask& mask) {
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, in.scalar_type(), "keyed_dropout",
                                 [&] { apply<scalar_t>(in, out, mask); });
  return out;
}

struct KeyedDropout : torch::autograd::Function<KeyedDropout> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const c10::intrusive_ptr<Mask>& mask) {
    ctx->saved_data["mask"] = c10::IValue::make_capsule(mask);
    return masked(x, *mask);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto mask = c10::static_intrusive_pointer_cast<Mask>(ctx->saved_data["mask"].toCapsule());
    return {masked(grads[0], *mask), at::Tensor()};
  }
};

}  // namespace

at::Tensor keyed_dropout(const at::Tensor& x, double rate, const std::vector<DropoutSegment>& segments) {
  return KeyedDropout::apply(x, c10::make_intrusive<Mask>(rate, segments));
}

}  // namespace routedk::experts
