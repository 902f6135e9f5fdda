#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// The weight or, where it is (nearly) zero, a value with which y / weight still gives x: far below the
/// rounding error of the sums that y goes into.
ROUTEDK_DEVICE float invertible(float weight) {
  constexpr float kLeast = 1e-30F;
  return weight > kLeast || weight < -kLeast ? weight : weight < 0.0F ? -kLeast : kLeast;
}

/// One block per row.
template <typename T>
__global__ void rms_norm_rows(const float* x, const float* weight, T* y, float* scale, NormShape shape) {
  __shared__ float scratch[kThreads / kWarp];
  const float* const row = x + blockIdx.x * shape.width;
  float squares = 0.0F;
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    squares += row[i] * row[i];
  }
  squares = block_sum(squares, scratch);
  const float inverse = inverse_root(squares / static_cast<float>(shape.width) + shape.eps);
  if (threadIdx.x == 0) {
    scale[blockIdx.x] = inverse;
  }
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    y[blockIdx.x * shape.width + i] = rounded<T>(row[i] * inverse * invertible(weight[i]));
  }
}

/// dx = s w dy - x s^3 mean(w dy x), s the row's scale.
template <typename T>
__global__ void rms_norm_backward_rows(const T* dy, const float* x, const float* weight, const float* scale,
                                       float* dx, NormShape shape) {
  __shared__ float scratch[kThreads / kWarp];
  const std::int64_t begin = blockIdx.x * shape.width;
  float along = 0.0F;
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    along += to_float(dy[begin + i]) * weight[i] * x[begin + i];
  }
  along = block_sum(along, scratch);
  const float s = scale[blockIdx.x];
  const float back = along * s * s * s / static_cast<float>(shape.width);
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    dx[begin + i] = to_float(dy[begin + i]) * weight[i] * s - x[begin + i] * back;
  }
}

/// The same with x s = y / w.
template <typename T>
__global__ void rms_norm_backward_of_outputs(const T* dy, const T* y, const float* weight, const float* scale,
                                             float* dx, NormShape shape) {
  __shared__ float scratch[kThreads / kWarp];
  const std::int64_t begin = blockIdx.x * shape.width;
  float along = 0.0F;
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    along += to_float(dy[begin + i]) * to_float(y[begin + i]);
  }
  const float mean = block_sum(along, scratch) / static_cast<float>(shape.width);
  const float s = scale[blockIdx.x];
  for (std::int64_t i = threadIdx.x; i < shape.width; i += blockDim.x) {
    dx[begin + i] = s * (to_float(dy[begin + i]) * weight[i] -
                         to_float(y[begin + i]) / invertible(weight[i]) * mean);
  }
}

Grid a_block_each(std::int64_t rows) {
  return {dim3(static_cast<unsigned>(rows)), kThreads};
}

}  // namespace

template <typename T>
void launch_rms_norm(const float* x, const float* weight, T* y, float* scale, const NormShape& shape,
                     Stream stream) {
  launch("rms_norm", rms_norm_rows<T>, a_block_each(shape.rows), stream, x, weight, y, scale, shape);
}
template <typename T>
void launch_rms_norm_backward(const T* dy, const float* x, const float* weight, const float* scale, float* dx,
                              const NormShape& shape, Stream stream) {
  launch("rms_norm_backward", rms_norm_backward_rows<T>, a_block_each(shape.rows), stream, dy, x, weight,
         scale, dx, shape);
}

template <typename T>
void launch_rms_norm_backward_of_output(const T* dy, const T* y, const float* weight, const float* scale,
                                        float* dx, const NormShape& shape, Stream stream) {
  launch("rms_norm_backward", rms_norm_backward_of_outputs<T>, a_block_each(shape.rows), stream, dy, y, weight,
         scale, dx, shape);
}

template void launch_rms_norm_backward_of_output(const BFloat16*, const BFloat16*, const float*, const float*,
                                                 float*, const NormShape&, Stream);
template void launch_rms_norm_backward_of_output(const float*, const float*, const float*, const float*, float*,
                                                 const NormShape&, Stream);
template void launch_rms_norm(const float*, const float*, float*, float*, const NormShape&, Stream);
template void launch_rms_norm(const float*, const float*, BFloat16*, float*, const NormShape&, Stream);
template void launch_rms_norm_backward(const float*, const float*, const float*, const float*, float*,
                                       const NormShape&, Stream);
template void launch_rms_norm_backward(const BFloat16*, const float*, const float*, const float*, float*,
                                       const NormShape&, Stream);

}  // namespace routedk::kernels::cuda
