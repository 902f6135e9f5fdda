#include "launch.h"
#include "launchers.h"

#include <cmath>

namespace routedk::kernels::cuda {
namespace {

constexpr unsigned kThreads = 512;
constexpr unsigned kWarps = kThreads / kWarp;

/// Over some numbers: the largest, the sum of e^(number - largest), and their sum.
struct Sums {
  float largest;
  float exponentials;
  float plain;
};

ROUTEDK_DEVICE Sums joined(const Sums& a, const Sums& b) {
  const float largest = a.largest > b.largest ? a.largest : b.largest;
  return {largest,
          a.exponentials * exponential(a.largest - largest) + b.exponentials * exponential(b.largest - largest),
          a.plain + b.plain};
}

ROUTEDK_DEVICE Sums of_block(Sums sums, Sums* scratch) {
  for (int mask = 16; mask > 0; mask /= 2) {
    sums = joined(sums, {shuffle_xor(sums.largest, mask), shuffle_xor(sums.exponentials, mask),
                         shuffle_xor(sums.plain, mask)});
  }
  if (threadIdx.x % kWarp == 0) {
    scratch[threadIdx.x / kWarp] = sums;
  }
  __syncthreads();
  sums = scratch[0];
  for (unsigned warp = 1; warp < kWarps; ++warp) {
    sums = joined(sums, scratch[warp]);
  }
  return sums;
}

/// One block per row: one pass over its logits for the loss and, if requested, one for the gradient.
template <typename T>
__global__ void cross_entropy_rows(CrossEntropyRows<T> of) {
  __shared__ Sums scratch[kWarps];
  const float* const logits = of.logits + blockIdx.x * of.vocab;
  constexpr float kNone = -1e30F;
  Sums sums{kNone, 0.0F, 0.0F};
  for (std::int64_t i = threadIdx.x; i < of.vocab; i += blockDim.x) {
    const float x = logits[i];
    if (x > sums.largest) {
      sums.exponentials = sums.exponentials * exponential(sums.largest - x) + 1.0F;
      sums.largest = x;
    } else {
      sums.exponentials += exponential(x - sums.largest);
    }
    sums.plain += x;
  }
  sums = of_block(sums, scratch);
  const float log_sum = sums.largest + logf(sums.exponentials);
  const std::int64_t target = of.targets[blockIdx.x];
  if (threadIdx.x == 0) {
    const float loss = log_sum - logits[target];
    const float spread = log_sum - sums.plain / static_cast<float>(of.vocab);
    of.unsmooth[blockIdx.x] = loss;
    of.losses[blockIdx.x] = of.smoothing > 0.0F ? loss * (1.0F - of.smoothing) + spread * of.smoothing : loss;
  }
  if (of.gradient == nullptr) {
    return;
  }
  const float weight = of.weights == nullptr ? 1.0F : of.weights[blockIdx.x];
  const float everywhere = of.smoothing / static_cast<float>(of.vocab);
  T* const gradient = of.gradient + blockIdx.x * of.vocab;
  for (std::int64_t i = threadIdx.x; i < of.vocab; i += blockDim.x) {
    const float wanted = everywhere + (i == target ? 1.0F - of.smoothing : 0.0F);
    gradient[i] = rounded<T>(weight * (exponential(logits[i] - log_sum) - wanted));
  }
}

}  // namespace

template <typename T>
void launch_cross_entropy(const CrossEntropyRows<T>& of, std::int64_t rows, Stream stream) {
  launch("cross_entropy", cross_entropy_rows<T>, {dim3(static_cast<unsigned>(rows)), kThreads}, stream, of);
}
template void launch_cross_entropy(const CrossEntropyRows<float>&, std::int64_t, Stream);
template void launch_cross_entropy(const CrossEntropyRows<BFloat16>&, std::int64_t, Stream);

}  // namespace routedk::kernels::cuda
