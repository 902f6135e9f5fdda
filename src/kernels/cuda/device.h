/// The language of the kernels: CUDA or, with ROUTEDK_EMULATE_CUDA, plain C++ that the emulator
/// (tests/support/cuda_emulator.h) runs on the CPU, one fiber per thread, so that their logic is tested
/// without a GPU. No LibTorch here or in a .cu file: nvcc takes a minute to compile its headers.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef ROUTEDK_EMULATE_CUDA
#include "support/cuda_emulator.h"
#define ROUTEDK_DEVICE inline
#else
#include <cuda_runtime.h>
#define ROUTEDK_DEVICE __device__ __forceinline__
#endif

namespace routedk::kernels::cuda {

#ifdef ROUTEDK_EMULATE_CUDA
using Stream = void*;
#else
using Stream = cudaStream_t;
#endif

/// A number in bfloat16.
struct BFloat16 {
  std::uint16_t bits;
};

#ifdef ROUTEDK_EMULATE_CUDA
inline float float_of_bits(std::uint32_t bits) {
  return emulator::float_of_bits(bits);
}
inline std::uint32_t bits_of_float(float value) {
  return emulator::bits_of_float(value);
}
inline std::uint32_t round_pair(float low, float high) {
  return emulator::bfloat16_bits(low) | emulator::bfloat16_bits(high) << 16;
}
inline float shuffle_xor(float value, int mask) {
  return emulator::shuffle(value, emulator::lane() ^ static_cast<unsigned>(mask));
}
inline float shuffle(float value, int lane) {
  return emulator::shuffle(value, static_cast<unsigned>(lane) & 31U);
}
inline float exponential(float x) {
  return std::exp(x);
}
inline float inverse_root(float x) {
  return 1.0F / std::sqrt(x);
}
inline unsigned char* shared_memory() {
  return emulator::shared_memory();
}
#elif defined(__CUDACC__)
extern __shared__ __align__(1024) unsigned char shared_bytes[];

ROUTEDK_DEVICE float float_of_bits(std::uint32_t bits) {
  return __uint_as_float(bits);
}
ROUTEDK_DEVICE std::uint32_t bits_of_float(float value) {
  return __float_as_uint(value);
}
/// Both rounded to bfloat16, `low` in the low half.
ROUTEDK_DEVICE std::uint32_t round_pair(float low, float high) {
  std::uint32_t pair = 0;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
/// The value of lane (own ^ mask) of the warp; all lanes must take part, likewise below.
ROUTEDK_DEVICE float shuffle_xor(float value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFU, value, mask);
}
ROUTEDK_DEVICE float shuffle(float value, int lane) {
  return __shfl_sync(0xFFFFFFFFU, value, lane);
}
ROUTEDK_DEVICE float exponential(float x) {
  return __expf(x);
}
ROUTEDK_DEVICE float inverse_root(float x) {
  return rsqrtf(x);
}
/// The block's dynamic shared memory.
ROUTEDK_DEVICE unsigned char* shared_memory() {
  return shared_bytes;
}
#endif

#if defined(ROUTEDK_EMULATE_CUDA) || defined(__CUDACC__)
ROUTEDK_DEVICE float to_float(float x) {
  return x;
}
ROUTEDK_DEVICE float to_float(BFloat16 x) {
  return float_of_bits(static_cast<std::uint32_t>(x.bits) << 16);
}
template <typename T>
ROUTEDK_DEVICE T rounded(float x);
template <>
ROUTEDK_DEVICE float rounded<float>(float x) {
  return x;
}
template <>
ROUTEDK_DEVICE BFloat16 rounded<BFloat16>(float x) {
  return {static_cast<std::uint16_t>(round_pair(x, 0.0F) & 0xFFFFU)};
}

constexpr unsigned kWarp = 32;  // threads

ROUTEDK_DEVICE float warp_sum(float x) {
  for (int mask = 16; mask > 0; mask /= 2) {
    x += shuffle_xor(x, mask);
  }
  return x;
}
ROUTEDK_DEVICE float warp_max(float x) {
  for (int mask = 16; mask > 0; mask /= 2) {
    const float other = shuffle_xor(x, mask);
    x = other > x ? other : x;
  }
  return x;
}
/// The sum over all threads of the block, returned to each; `scratch` holds a float per warp.
ROUTEDK_DEVICE float block_sum(float x, float* scratch) {
  x = warp_sum(x);
  __syncthreads();  // scratch may still be in use
  if (threadIdx.x % kWarp == 0) {
    scratch[threadIdx.x / kWarp] = x;
  }
  __syncthreads();
  float sum = 0.0F;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) {
    sum += scratch[warp];
  }
  return sum;
}
#endif

}  // namespace routedk::kernels::cuda
