#include "routedk/experts/dropout.h"

#include "routedk/core/random.h"

#include <array>
#include <cmath>

#include <ATen/Dispatch.h>
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
  float scale() const { return static_cast<float>(kLevels / (kLevels - threshold)); }

  std::uint32_t threshold;  // a 16-bit draw below it drops the element
  std::vector<DropoutSegment> segments;
};

/// One row: four 16-bit draws from each 64-bit number; `first` is the row's first draw, a multiple of 4.
template <typename T>
void mask_row(const T* x, T* out, std::int64_t width, std::uint64_t key, std::uint64_t first,
              const Mask& mask) {
  const float scale = mask.scale();
  for (std::int64_t group = 0; group * 4 < width; ++group) {
    const std::uint64_t bits = mix64(key ^ mix64(first / 4 + static_cast<std::uint64_t>(group)));
    for (std::int64_t lane = 0; lane < 4 && group * 4 + lane < width; ++lane) {
      const auto draw = static_cast<std::uint32_t>(bits >> (16 * lane) & 0xFFFF);
      const std::int64_t i = group * 4 + lane;
      out[i] = draw < mask.threshold ? T(0) : static_cast<T>(static_cast<float>(x[i]) * scale);
    }
  }
}

template <typename T>
void apply(const at::Tensor& x, const at::Tensor& out, const Mask& mask) {
  const std::int64_t width = x.size(1);
  const std::uint64_t stride = static_cast<std::uint64_t>(width + 3) / 4 * 4;
  const auto* in = x.const_data_ptr<T>();
  auto* to = out.mutable_data_ptr<T>();
  for (const DropoutSegment& s : mask.segments) {
    at::parallel_for(s.begin, s.end, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        mask_row(in + row * width, to + row * width, width, s.key,
                 static_cast<std::uint64_t>(row - s.begin) * stride, mask);
      }
    });
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
