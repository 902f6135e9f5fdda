/// What matrix_core.h has on a GPU, in the emulator. Copies to shared memory land when they are waited for.
#pragma once

#include <array>
#include <utility>

#include "support/cuda_emulator.h"

namespace routedk::kernels::cuda {
namespace emulator {

constexpr std::uint32_t kBeforeShared = 1024;

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
};
struct Offer {  // of a lane to its warp
  std::array<std::uint32_t, 4> a;
  std::array<std::uint32_t, 2> b;
  const void* row;
};
struct MatrixCore {
  std::array<std::vector<Copy>, 1024> open;
  std::array<std::vector<std::vector<Copy>>, 1024> groups;
  std::array<Offer, 1024> offers;
};
inline MatrixCore matrix_core;

inline Offer& offer() {
  return matrix_core.offers[machine.now->thread];
}
inline const Offer& offer_of(unsigned lane_number) {
  return matrix_core.offers[(machine.now->thread & ~31U) + lane_number];
}
inline float half_of(std::uint32_t pair, unsigned which) {
  return float_of_bits((which % 2 == 1 ? pair >> 16 : pair & 0xFFFFU) << 16);
}
inline std::uint32_t read_shared(std::uint32_t address) {
  if (address % 4 != 0 || address < kBeforeShared || address + 4 - kBeforeShared > machine.shared.size()) {
    fail("a load outside shared memory");
  }
  std::uint32_t value = 0;
  std::memcpy(&value, machine.shared_begin + (address - kBeforeShared), 4);
  return value;
}
template <std::size_t N>
void load_matrices(std::uint32_t (&r)[N], const void* row, bool transposed) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) {
    fail("a row of a matrix that is not aligned");
  }
  offer().row = row;
  sync_warp();
  const unsigned g = lane() / 4;
  const unsigned t = lane() % 4;
  for (unsigned i = 0; i < N; ++i) {
    const auto at = [&](unsigned y, unsigned x) {
      std::uint16_t value = 0;
      std::memcpy(&value, static_cast<const unsigned char*>(offer_of(i * 8 + y).row) + 2 * x, 2);
      return static_cast<std::uint32_t>(value);
    };
    r[i] = transposed ? at(2 * t, g) | at(2 * t + 1, g) << 16 : at(g, 2 * t) | at(g, 2 * t + 1) << 16;
  }
  sync_warp();
}

}  // namespace emulator

inline std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const unsigned char*>(p) - emulator::shared_memory()) +
         emulator::kBeforeShared;
}
inline std::uint32_t load_shared(std::uint32_t address) {
  return emulator::read_shared(address);
}
inline std::uint32_t load_dynamic(std::uint32_t place) {
  return emulator::read_shared(place + emulator::kBeforeShared);
}
inline void load_shared_first4(std::uint32_t (&r)[4], std::uint32_t address, int lane) {
  for (std::uint32_t i = 0; lane < 4 && i < 4; ++i) {
    r[i] = load_shared(address + 4 * i);
  }
}
inline void load_matrices(std::uint32_t (&r)[4], const void* row) {
  emulator::load_matrices(r, row, false);
}
inline void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  emulator::load_matrices(r, row, true);
}
inline void load_two_matrices(std::uint32_t (&r)[2], const void* row) {
  emulator::load_matrices(r, row, false);
}
inline void mma(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  emulator::Offer& mine = emulator::offer();
  std::copy_n(a, 4, mine.a.begin());
  mine.b = {b0, b1};
  emulator::sync_warp();
  const unsigned g = emulator::lane() / 4;
  const unsigned t = emulator::lane() % 4;
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned row = g + i / 2 * 8;
      const unsigned column = 2 * t + i % 2;
      d[i] += emulator::half_of(emulator::offer_of(row % 8 * 4 + k % 8 / 2).a[row / 8 + 2 * (k / 8)], k) *
              emulator::half_of(emulator::offer_of(column * 4 + k % 8 / 2).b[k / 8], k);
    }
  }
  emulator::sync_warp();
}
inline void mma_first(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  d[0] = d[1] = d[2] = d[3] = 0.0F;
  mma(d, a, b0, b1);
}
constexpr bool kWarpGroups = true;
template <int T>
void wgmma(float (&d)[T][4], const std::uint32_t (&a)[4], std::uint64_t b, bool add) {
  std::copy_n(a, 4, emulator::offer().a.begin());
  emulator::sync_warp();
  const auto field = [&](int shift) { return static_cast<std::uint32_t>(b >> shift & 0x3FFFU) << 4; };
  const unsigned g = emulator::lane() / 4;
  const unsigned t = emulator::lane() % 4;
  for (unsigned n = 0; n < T; ++n) {
    for (unsigned i = 0; i < 4; ++i) {
      float sum = add ? d[n][i] : 0.0F;
      for (unsigned k = 0; k < 16; ++k) {
        const unsigned row = g + i / 2 * 8;
        const unsigned column = 2 * t + i % 2;  // of these eight
        const std::uint32_t address =
            field(0) + k / 8 * field(16) + n * field(32) + column * 16 + k % 8 / 2 * 4;
        sum += emulator::half_of(emulator::offer_of(row % 8 * 4 + k % 8 / 2).a[row / 8 + 2 * (k / 8)], k) *
               emulator::half_of(emulator::read_shared(address), k);
      }
      d[n][i] = sum;
    }
  }
  emulator::sync_warp();
}
inline void wgmma_begin() {}
inline void wgmma_commit() {}
template <int Left>
void wgmma_wait() {}
inline void pin(float& /*x*/) {}
inline void shared_for_wgmma() {}

inline void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 ||
      reinterpret_cast<std::uintptr_t>(from) % bytes != 0) {
    emulator::fail("a copy that is not aligned");
  }
  emulator::matrix_core.open[emulator::machine.now->thread].push_back({to, from, bytes});
}
inline void copy16(void* to, const void* from) {
  copy_bytes(to, from, 16);
}
inline void copy4(void* to, const void* from) {
  copy_bytes(to, from, 4);
}
inline void copies_commit() {
  auto& open = emulator::matrix_core.open[emulator::machine.now->thread];
  emulator::matrix_core.groups[emulator::machine.now->thread].push_back(std::exchange(open, {}));
}
template <int Left>
void copies_wait() {
  auto& groups = emulator::matrix_core.groups[emulator::machine.now->thread];
  while (groups.size() > Left) {
    for (const emulator::Copy& copy : groups.front()) {
      std::memcpy(copy.to, copy.from, copy.bytes);
    }
    groups.erase(groups.begin());
  }
}

inline void load_stream(std::uint32_t (&r)[4], const void* p) {
  if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0) {
    emulator::fail("a load of 16 bytes that is not aligned");
  }
  std::memcpy(r, p, 16);
}
inline void load_constant(std::uint32_t (&r)[2], const void* p) {
  std::memcpy(r, p, 8);
}
inline float4 load_fresh(const float* p) {
  return *reinterpret_cast<const float4*>(p);
}
inline void wait_for_count(const int* counter, int count) {
  if (*counter < count) {
    emulator::fail("a count that no block before this one reaches");
  }
}
inline void add_to_count(int* counter, int by) {
  *counter += by;
}
inline void wait_for_kernels_before() {}
inline void let_next_kernel_start() {}
inline std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t n = selector >> 4 * i & 7U;
    result |= ((n < 4 ? a >> 8 * n : b >> 8 * (n - 4)) & 0xFFU) << 8 * i;
  }
  return result;
}
inline std::uint32_t shuffle_bits_xor(std::uint32_t value, int mask) {
  return emulator::shuffle_bits(value, emulator::lane() ^ static_cast<unsigned>(mask));
}
inline float power_of_2(float x) {
  return std::exp2(x);
}
inline float half_to_float(std::uint32_t bits) {
  const std::uint32_t exponent = bits >> 10 & 31U;
  const float fraction = static_cast<float>(bits & 1023U) / 1024.0F;
  const float size = exponent == 0 ? std::ldexp(fraction, -14)
                                   : std::ldexp(1.0F + fraction, static_cast<int>(exponent) - 15);
  return (bits & 0x8000U) != 0 ? -size : size;
}
inline void stop() {
  emulator::fail("a kernel gave up");
}

}  // namespace routedk::kernels::cuda
