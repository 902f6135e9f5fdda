#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

/// One thread per pair.
template <typename T>
__global__ void rotate_pairs(const T* x, const float* cosines, const float* sines, T* y, RotaryShape shape) {
  const std::int64_t count = shape.tokens * shape.heads * shape.half;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t p = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; p < count;
       p += step) {
    const std::int64_t i = p % shape.half;
    const std::int64_t head = p / shape.half;
    const std::int64_t angle = head / shape.heads * shape.half + i;
    const std::int64_t at = head * 2 * shape.half + i;
    const float a = to_float(x[at]);
    const float b = to_float(x[at + shape.half]);
    const float c = cosines[angle];
    const float s = sines[angle] * shape.direction;
    y[at] = rounded<T>(a * c - b * s);
    y[at + shape.half] = rounded<T>(b * c + a * s);
  }
}

}  // namespace

template <typename T>
void launch_rotate(const T* x, const float* cosines, const float* sines, T* y, const RotaryShape& shape,
                   Stream stream) {
  launch("rotate", rotate_pairs<T>, grid_for(shape.tokens * shape.heads * shape.half), stream, x, cosines,
         sines, y, shape);
}

template void launch_rotate(const float*, const float*, const float*, float*, const RotaryShape&, Stream);
template void launch_rotate(const BFloat16*, const float*, const float*, BFloat16*, const RotaryShape&,
                            Stream);

}  // namespace routedk::kernels::cuda
