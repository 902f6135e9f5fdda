/// Tensor cores, copies to shared memory, streaming loads and dependent launches, for device and emulator.
#pragma once

#include <cstdint>

#include "device.h"
#ifdef ROUTEDK_EMULATE_CUDA
#include "support/cuda_matrix_core.h"
#else
#include <cuda_fp16.h>
#endif

namespace routedk::kernels::cuda {

/// Where dynamic shared memory begins in its window, in kernels without static shared memory.
constexpr std::uint32_t kWindow = 1024;

/// The descriptor of a wgmma operand in shared memory: n rows of 8 columns, each 8 rows 128 bytes;
/// `next_columns` bytes between groups of eight columns, 128 between groups of eight rows, no swizzle.
ROUTEDK_DEVICE std::uint64_t operand_address(std::uint32_t address, std::uint32_t next_columns) {
  return static_cast<std::uint64_t>((address & 0x3FFFFU) >> 4) |
         static_cast<std::uint64_t>(next_columns >> 4) << 16 | static_cast<std::uint64_t>(128U >> 4) << 32;
}

#ifndef ROUTEDK_EMULATE_CUDA

/// An address in the window of shared memory.
ROUTEDK_DEVICE std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}
ROUTEDK_DEVICE std::uint32_t load_shared(std::uint32_t address) {
  std::uint32_t value = 0;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(value) : "r"(address));
  return value;
}
/// Loads from an offset in dynamic shared memory.
ROUTEDK_DEVICE std::uint32_t load_dynamic(std::uint32_t place) {
  std::uint32_t value = 0;
  asm volatile("ld.shared.u32 %0, [%1 + %2];" : "=r"(value) : "r"(place), "n"(kWindow));
  return value;
}
/// Lanes 0..3 read 16 bytes, the others keep their values.
ROUTEDK_DEVICE void load_shared_first4(std::uint32_t (&r)[4], std::uint32_t address, int lane) {
  asm volatile("{.reg .pred p; setp.lt.s32 p, %5, 4; @p ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];}"
               : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3])
               : "r"(address), "r"(lane));
}
ROUTEDK_DEVICE void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row)));
}
ROUTEDK_DEVICE void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row)));
}
ROUTEDK_DEVICE void load_two_matrices(std::uint32_t (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row)));
}
/// d += a b, 16 x 8 x 16.
ROUTEDK_DEVICE void mma(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// d = a b.
ROUTEDK_DEVICE void mma_first(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                              std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(0.0F));
}

/// Whether this target has wgmma.
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
constexpr bool kWarpGroups = true;
#else
constexpr bool kWarpGroups = false;
#endif
/// Four warps: d (+)= a b, 64 x 8 T x 16, 16 rows per warp; b in shared memory. d and a are in use until the
/// group has been waited for.
template <int T>
ROUTEDK_DEVICE void wgmma(float (&d)[T][4], const std::uint32_t (&a)[4], std::uint64_t b, bool add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  const int scale = add ? 1 : 0;
  if constexpr (T == 1) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %9, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0,%1,%2,%3}, {%4,%5,%6,%7}, %8, p, 1, 1, 0;}"
        : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(scale));
  } else if constexpr (T == 2) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %13, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0,%1,%2,%3,%4,%5,%6,%7}, "
        "{%8,%9,%10,%11}, %12, p, 1, 1, 0;}"
        : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]), "+f"(d[1][0]), "+f"(d[1][1]),
          "+f"(d[1][2]), "+f"(d[1][3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(scale));
  } else if constexpr (T == 4) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %21, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
        "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15}, {%16,%17,%18,%19}, %20, p, 1, 1, 0;}"
        : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]), "+f"(d[1][0]), "+f"(d[1][1]),
          "+f"(d[1][2]), "+f"(d[1][3]), "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3]),
          "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(scale));
  } else {
    static_assert(T == 8);
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %37, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
        "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
        "{%32,%33,%34,%35}, %36, p, 1, 1, 0;}"
        : "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3]), "+f"(d[1][0]), "+f"(d[1][1]),
          "+f"(d[1][2]), "+f"(d[1][3]), "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3]),
          "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3]), "+f"(d[4][0]), "+f"(d[4][1]),
          "+f"(d[4][2]), "+f"(d[4][3]), "+f"(d[5][0]), "+f"(d[5][1]), "+f"(d[5][2]), "+f"(d[5][3]),
          "+f"(d[6][0]), "+f"(d[6][1]), "+f"(d[6][2]), "+f"(d[6][3]), "+f"(d[7][0]), "+f"(d[7][1]),
          "+f"(d[7][2]), "+f"(d[7][3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(scale));
  }
#endif
}
/// Call before the first wgmma on registers that have been written since the last.
ROUTEDK_DEVICE void wgmma_begin() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
ROUTEDK_DEVICE void wgmma_commit() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
/// Waits until at most `Left` groups are in flight.
template <int Left>
ROUTEDK_DEVICE void wgmma_wait() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory");
#endif
}
/// Keeps the compiler from reading x earlier.
ROUTEDK_DEVICE void pin(float& x) {
  asm volatile("" : "+f"(x)::"memory");
}
/// Makes this thread's writes to shared memory visible to wgmma.
ROUTEDK_DEVICE void shared_for_wgmma() {
#if __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

ROUTEDK_DEVICE void copy16(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from) : "memory");
}
ROUTEDK_DEVICE void copy4(void* to, const void* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(to)), "l"(from) : "memory");
}
ROUTEDK_DEVICE void copies_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int Left>
ROUTEDK_DEVICE void copies_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}

/// Loads 16 bytes that are read once: not cached in L1, evicted first from L2.
ROUTEDK_DEVICE void load_stream(std::uint32_t (&r)[4], const void* p) {
  asm volatile(
      "{.reg .b64 policy; createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
      "ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0,%1,%2,%3}, [%4], policy;}"
      : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
      : "l"(p));
}
ROUTEDK_DEVICE void load_constant(std::uint32_t (&r)[2], const void* p) {
  asm volatile("ld.global.nc.v2.u32 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "l"(p));
}
/// Bypasses L1: another block may have written the value while this kernel ran.
ROUTEDK_DEVICE float4 load_fresh(const float* p) {
  return __ldcg(reinterpret_cast<const float4*>(p));
}
/// Waits until the counter reaches `count`; after that, the writes of those who added to it are visible.
ROUTEDK_DEVICE void wait_for_count(const int* counter, int count) {
  int now = 0;
  do {
    asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(now) : "l"(counter) : "memory");
  } while (now < count);
}
/// Adds to the counter: who sees the count also sees all that the block wrote before its last barrier.
ROUTEDK_DEVICE void add_to_count(int* counter, int by) {
  __threadfence();
  atomicAdd(counter, by);
}

/// Waits for earlier kernels; after that, their writes are visible.
ROUTEDK_DEVICE void wait_for_kernels_before() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Allows the next kernel's blocks to start where there is room.
ROUTEDK_DEVICE void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
ROUTEDK_DEVICE std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}
ROUTEDK_DEVICE std::uint32_t shuffle_bits_xor(std::uint32_t value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFU, value, mask);
}
/// 2^x
ROUTEDK_DEVICE float power_of_2(float x) {
  float y = 0.0F;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// The low half of the bits, as fp16.
ROUTEDK_DEVICE float half_to_float(std::uint32_t bits) {
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}
ROUTEDK_DEVICE void stop() {
  asm volatile("trap;");
}
#endif

ROUTEDK_DEVICE float bfloat16_to_float(std::uint32_t bits) {
  return float_of_bits(bits << 16);
}
ROUTEDK_DEVICE std::uint16_t float_to_bfloat16(float x) {
  return static_cast<std::uint16_t>(round_pair(x, 0.0F) & 0xFFFFU);
}

}  // namespace routedk::kernels::cuda
