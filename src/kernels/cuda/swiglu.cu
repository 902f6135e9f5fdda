#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

/// 16 bytes of numbers: the unit that a thread moves.
template <typename T>
struct alignas(16) Pack {
  static constexpr int kSize = 16 / sizeof(T);
  T values[kSize];
};

ROUTEDK_DEVICE float sigmoid(float x) {
  return 1.0F / (1.0F + exponential(-x));
}

template <typename T>
ROUTEDK_DEVICE T activated(T gate, T up) {
  const float g = to_float(gate);
  return rounded<T>(g * sigmoid(g) * to_float(up));
}

/// Calls of_pack(i) for whole packs, then of_one(i) for the remaining elements.
template <typename T, typename OfPack, typename OfOne>
ROUTEDK_DEVICE void for_each_element(std::int64_t count, bool aligned, const OfPack& of_pack,
                                     const OfOne& of_one) {
  const std::int64_t first = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t packs = aligned ? count / Pack<T>::kSize : 0;
  for (std::int64_t i = first; i < packs; i += step) {
    of_pack(i);
  }
  for (std::int64_t i = packs * Pack<T>::kSize + first; i < count; i += step) {
    of_one(i);
  }
}

template <typename T>
__global__ void swiglu_elements(const T* gate, const T* up, T* y, std::int64_t count, bool aligned) {
  for_each_element<T>(
      count, aligned,
      [&](std::int64_t i) {
        const Pack<T> g = reinterpret_cast<const Pack<T>*>(gate)[i];
        const Pack<T> u = reinterpret_cast<const Pack<T>*>(up)[i];
        Pack<T> out;
        for (int j = 0; j < Pack<T>::kSize; ++j) {
          out.values[j] = activated(g.values[j], u.values[j]);
        }
        reinterpret_cast<Pack<T>*>(y)[i] = out;
      },
      [&](std::int64_t i) { y[i] = activated(gate[i], up[i]); });
}

/// dgate = dy up s (1 + g (1 - s)), dup = dy g s; s is the sigmoid of g.
template <typename T>
ROUTEDK_DEVICE void differentiate(T dy, T gate, T up, T& dgate, T& dup) {
  const float g = to_float(gate);
  const float d = to_float(dy);
  const float s = sigmoid(g);
  dgate = rounded<T>(d * to_float(up) * s * (1.0F + g * (1.0F - s)));
  dup = rounded<T>(d * g * s);
}

template <typename T>
__global__ void swiglu_backward_elements(SwigluGradients<T> of, std::int64_t count, bool aligned) {
  for_each_element<T>(
      count, aligned,
      [&](std::int64_t i) {
        const Pack<T> d = reinterpret_cast<const Pack<T>*>(of.dy)[i];
        const Pack<T> g = reinterpret_cast<const Pack<T>*>(of.gate)[i];
        const Pack<T> u = reinterpret_cast<const Pack<T>*>(of.up)[i];
        Pack<T> dgate;
        Pack<T> dup;
        for (int j = 0; j < Pack<T>::kSize; ++j) {
          differentiate(d.values[j], g.values[j], u.values[j], dgate.values[j], dup.values[j]);
        }
        reinterpret_cast<Pack<T>*>(of.dgate)[i] = dgate;
        reinterpret_cast<Pack<T>*>(of.dup)[i] = dup;
      },
      [&](std::int64_t i) { differentiate(of.dy[i], of.gate[i], of.up[i], of.dgate[i], of.dup[i]); });
}

template <typename... Pointers>
bool all_aligned(const Pointers*... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0) && ...);
}

}  // namespace

template <typename T>
void launch_swiglu(const T* gate, const T* up, T* y, std::int64_t count, Stream stream) {
  launch("swiglu", swiglu_elements<T>, grid_for(ceil_div(count, Pack<T>::kSize)), stream, gate, up, y, count,
         all_aligned(gate, up, y));
}
template <typename T>
void launch_swiglu_backward(const SwigluGradients<T>& of, std::int64_t count, Stream stream) {
  launch("swiglu_backward", swiglu_backward_elements<T>, grid_for(ceil_div(count, Pack<T>::kSize)), stream,
         of, count, all_aligned(of.dy, of.gate, of.up, of.dgate, of.dup));
}

template void launch_swiglu(const float*, const float*, float*, std::int64_t, Stream);
template void launch_swiglu(const BFloat16*, const BFloat16*, BFloat16*, std::int64_t, Stream);
template void launch_swiglu_backward(const SwigluGradients<float>&, std::int64_t, Stream);
template void launch_swiglu_backward(const SwigluGradients<BFloat16>&, std::int64_t, Stream);

}  // namespace routedk::kernels::cuda
