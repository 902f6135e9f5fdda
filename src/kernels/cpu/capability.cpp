#include "routedk/kernels/cpu/capability.h"

#include "routedk/core/error.h"
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "tile_amx.h"
#include <ATen/Parallel.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace routedk::kernels::cpu {
namespace {

constexpr const char* kIsaVariable = "ROUTEDK_ISA";

Isa widest_isa() noexcept {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx512;
  }
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Isa::kAvx2 : Isa::kScalar;
}

/// Leaf 7, EDX bits 22 and 24 (Intel SDM, volume 2, CPUID).
bool cpu_has_amx() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned kBits = 1U << 22U | 1U << 24U;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kBits) == kBits;
}

/// The kernel permits the tiles to a process that requests them (Linux, Documentation/arch/x86/xstate.rst).
bool amx_is_permitted() noexcept {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// Compares a product of small integers, exact in any order of summation, in tiles and in plain code.
bool amx_is_right() noexcept {
  constexpr std::int64_t kProbeWords = 20;
  constexpr std::int64_t kProbeRows = 35;
  const auto pair = [](std::size_t i) {  // integers from -8 to 8, exact in bfloat16
    const auto number = [](std::size_t n) {
      return std::bit_cast<std::uint32_t>(static_cast<float>(n % 17) - 8.0F) >> 16U;
    };
    return number(3 * i) | number(5 * i + 1) << 16U;
  };
  std::array<Pair, kProbeRows * kProbeWords> a{};
  std::array<Pair, kProbeWords * kPanel> panel{};
  std::generate(a.begin(), a.end(), [&, i = std::size_t{0}]() mutable { return pair(i++); });
  std::generate(panel.begin(), panel.end(), [&, i = std::size_t{7}]() mutable { return pair(i++); });
  std::array<float, kProbeRows * kPanel> found{};
  std::array<float, kProbeRows * kPanel> wanted{};
  tile_amx<AmxTiles>({a.data(), kProbeWords, found.data(), kPanel, kProbeRows}, panel.data(), kProbeWords,
                     kPanel, true);
  tile_amx<EmulatedTiles>({a.data(), kProbeWords, wanted.data(), kPanel, kProbeRows}, panel.data(),
                          kProbeWords, kPanel, true);
  return found == wanted;
}

std::string wished_isa() {
  const char* const word = std::getenv(kIsaVariable);  // NOLINT(concurrency-mt-unsafe): never set
  return word == nullptr ? "" : word;
}

/// Operations per second of one thread; the best of several runs.
template <typename Word>
double thread_rate() {
  constexpr std::int64_t kProbeWords = 128;
  constexpr std::int64_t kProbeRows = 24;
  constexpr int kProducts = 200;
  constexpr double kBudget = 0.02;
  constexpr auto kOperations =
      static_cast<double>(2 * kProducts * kProbeRows * kPanel * kProbeWords * kNumbers<Word>);
  const TileFn<Word> tile = choose_tile<Word>();
  const std::vector<Word> a(kProbeRows * kProbeWords);
  const std::vector<Word> panel(kProbeWords * kPanel);
  std::vector<float> c(kProbeRows * kPanel);
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  double best = std::numeric_limits<double>::max();
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    for (int i = 0; i < kProducts; ++i) {
      tile({a.data(), kProbeWords, c.data(), kPanel, kProbeRows}, panel.data(), kProbeWords, kPanel, true);
    }
    best = std::min(best, seconds_since(begin));
  } while (seconds_since(start) < kBudget);
  return kOperations / best;
}

}  // namespace

Isa cpu_isa() noexcept {
  static const Isa chosen = std::min(widest_isa(), find_enum<Isa>(wished_isa()).value_or(Isa::kAvx512));
  return chosen;
}

void require_known_isa() {
  const std::string wished = wished_isa();
  if (!wished.empty() && !find_enum<Isa>(wished)) {
    throw_<ConfigError>("the environment's {} must be one of {}, but is `{}` instead", kIsaVariable,
                        enum_list<Isa>(), wished);
  }
}

bool has_bfloat16_products() noexcept {
  static const bool found = cpu_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512bf16") != 0;
  return found;
}

bool has_amx_products() noexcept {
  static const bool found =
      cpu_isa() == Isa::kAvx512 && cpu_has_amx() && amx_is_permitted() && amx_is_right();
  return found;
}

/// Leaves 80000002 to 80000004 hold the name, leaf 1 the signature (Intel SDM, volume 2, CPUID).
std::string cpu_name() {
  std::array<unsigned, 12> words{};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned* const at = words.data() + std::ptrdiff_t{4} * leaf;
    if (__get_cpuid(0x80000002U + leaf, at, at + 1, at + 2, at + 3) == 0) {
      return "unknown";
    }
  }
  std::array<char, sizeof(words) + 1> name{};
  std::memcpy(name.data(), words.data(), sizeof(words));
  std::string text = name.data();
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  std::array<unsigned, 4> signature{};
  __get_cpuid(1, signature.data(), &signature[1], &signature[2], &signature[3]);
  return fmt::format("{} ({:x})", text, signature[0]);
}

double product_rate(Precision precision) {
  std::atomic<double> sum = 0.0;
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t /*begin*/, std::int64_t /*end*/) {
    sum += precision == Precision::kBFloat16 ? thread_rate<Pair>() : thread_rate<float>();
  });
  return sum;
}

double measure_bfloat16_speedup() {
  if (!has_bfloat16_products()) {
    return 0.5;  // two multiply-adds and two conversions each
  }
  return product_rate(Precision::kBFloat16) / product_rate(Precision::kFloat32);
}

}  // namespace routedk::kernels::cpu
