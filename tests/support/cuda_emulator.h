/// Runs CUDA kernels on the CPU, one fiber a thread, to test their logic without a GPU. Warp-wide operations
/// and barriers really wait for each other, shared memory is full of NaN until it is written, and a deadlock
/// or a warp-wide operation that a lane misses ends the program. x86-64 alone.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

// CUDA's own names
// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
struct dim3 {
  unsigned x, y, z;
  explicit dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __shared__ static
#define __forceinline__ inline
#define __restrict__
#define __grid_constant__
#define __launch_bounds__(...)
inline dim3 threadIdx;
inline dim3 blockIdx;
inline dim3 blockDim;
inline dim3 gridDim;
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)

namespace routedk::kernels::cuda::emulator {

enum class State { kRuns, kAtWarp, kAtBlock, kDone };

struct Fiber {
  void* stack = nullptr;
  State state = State::kRuns;
  unsigned thread = 0;
};

struct Machine {
  std::vector<Fiber> fibers;
  std::vector<char> stacks;
  std::vector<std::uint32_t> lanes;  ///< what each thread offers to its warp
  Fiber* now = nullptr;
  void* home = nullptr;
  std::function<void()> body;
  std::vector<unsigned char> shared;
  unsigned char* shared_begin = nullptr;
};
inline Machine machine;

extern "C" void routedk_switch_fiber(void** save, void* load);
asm(R"(
.text
.weak routedk_switch_fiber
routedk_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "cuda emulator: %s\n", what);
  std::abort();
}

inline void wait_at(State state) {
  machine.now->state = state;
  routedk_switch_fiber(&machine.now->stack, machine.home);
}

inline void enter() {
  machine.body();
  for (;;) {
    wait_at(State::kDone);
  }
}

inline void sync_warp() {
  wait_at(State::kAtWarp);
}

inline unsigned lane() {
  return machine.now->thread & 31U;
}

inline void start_fibers(unsigned threads) {
  constexpr std::size_t kStack = 96 << 10;
  machine.fibers.assign(threads, Fiber{});
  machine.stacks.resize(threads * kStack);
  machine.lanes.assign(threads, 0);
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& fiber = machine.fibers[i];
    fiber.thread = i;
    const auto top = reinterpret_cast<std::uintptr_t>(machine.stacks.data() + (i + 1) * kStack);
    auto* stack = reinterpret_cast<void**>(top & ~std::uintptr_t{63});
    *--stack = nullptr;  // keeps the stack aligned as after a call
    *--stack = reinterpret_cast<void*>(&enter);
    for (int saved = 0; saved < 6; ++saved) {
      *--stack = nullptr;
    }
    fiber.stack = stack;
  }
}

/// Runs the lanes of a warp until each waits at the block's barrier or is done; whether any ran.
inline bool run_warp(std::size_t first) {
  bool any = false;
  for (;;) {
    bool ran = false;
    std::size_t waiting = 0;
    for (std::size_t i = first; i < first + 32; ++i) {
      Fiber& fiber = machine.fibers[i];
      if (fiber.state == State::kRuns) {
        machine.now = &fiber;
        threadIdx = dim3(fiber.thread);
        routedk_switch_fiber(&machine.home, fiber.stack);
        ran = true;
      }
      waiting += static_cast<std::size_t>(fiber.state == State::kAtWarp);
    }
    if (waiting == 32) {
      std::for_each_n(machine.fibers.begin() + static_cast<std::ptrdiff_t>(first), 32,
                      [](Fiber& fiber) { fiber.state = State::kRuns; });
    } else if (waiting > 0 && !ran) {
      fail("a warp-wide operation without all lanes");
    } else if (!ran) {
      return any;
    }
    any = true;
  }
}

inline void run_block(unsigned threads) {
  start_fibers(threads);
  for (;;) {
    bool any = false;
    for (std::size_t warp = 0; warp < threads; warp += 32) {
      any = run_warp(warp) || any;
    }
    std::size_t at_block = 0;
    std::size_t done = 0;
    for (const Fiber& fiber : machine.fibers) {
      at_block += static_cast<std::size_t>(fiber.state == State::kAtBlock);
      done += static_cast<std::size_t>(fiber.state == State::kDone);
    }
    if (done == threads) {
      return;
    }
    if (at_block == threads) {
      for (Fiber& fiber : machine.fibers) {
        fiber.state = State::kRuns;
      }
    } else if (at_block + done == threads) {
      fail("a barrier that some threads never reach");
    } else if (!any) {
      fail("deadlock");
    }
  }
}

inline void run(const dim3& grid, unsigned threads, std::size_t shared, std::function<void()> body) {
  if (threads % 32 != 0) {
    fail("a block must be whole warps");
  }
  constexpr std::uintptr_t kAlignment = 1024;
  gridDim = grid;
  blockDim = dim3(threads);
  machine.body = std::move(body);
  machine.shared.resize(shared + kAlignment);
  const auto begin = reinterpret_cast<std::uintptr_t>(machine.shared.data());
  machine.shared_begin = machine.shared.data() + (kAlignment - begin % kAlignment) % kAlignment;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        std::fill(machine.shared.begin(), machine.shared.end(), 0xFF);  // NaN
        blockIdx = dim3(x, y, z);
        run_block(threads);
      }
    }
  }
}

inline unsigned char* shared_memory() {
  return machine.shared_begin;
}

inline float float_of_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
inline std::uint32_t bits_of_float(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
/// Rounded to the nearest, of two the even one.
inline std::uint32_t bfloat16_bits(float value) {
  const std::uint32_t bits = bits_of_float(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return 0x7FFF;
  }
  return (bits + 0x7FFF + (bits >> 16 & 1U)) >> 16;
}
/// What `from` of the warp offers.
inline std::uint32_t shuffle_bits(std::uint32_t bits, unsigned from) {
  machine.lanes[machine.now->thread] = bits;
  sync_warp();
  const std::uint32_t found = machine.lanes[(machine.now->thread & ~31U) + from];
  sync_warp();
  return found;
}
inline float shuffle(float value, unsigned from) {
  return float_of_bits(shuffle_bits(bits_of_float(value), from));
}

}  // namespace routedk::kernels::cuda::emulator

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
inline void __syncthreads() {
  routedk::kernels::cuda::emulator::wait_at(routedk::kernels::cuda::emulator::State::kAtBlock);
}
inline void __syncwarp() {
  routedk::kernels::cuda::emulator::sync_warp();
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
