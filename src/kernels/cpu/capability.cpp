#include "routedk/kernels/cpu/capability.h"

#include "routedk/core/error.h"
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include <cpuid.h>

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

std::string wished_isa() {
  const char* const word = std::getenv(kIsaVariable);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return word == nullptr ? "" : word;
}

/// Seconds of a product whose panel and rows stay in the first-level cache; the best of some.
template <typename Word>
double product_seconds() {
  constexpr std::int64_t kDepth = 128;
  constexpr std::int64_t kRows = 24;
  constexpr int kProducts = 200;
  constexpr double kBudget = 0.02;
  const TileFn<Word> tile = choose_tile<Word>();
  const std::vector<Word> a(kRows * kDepth);
  const std::vector<Word> panel(kDepth * kPanel);
  std::vector<float> c(kRows * kPanel);
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  double best = std::numeric_limits<double>::max();
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    for (int i = 0; i < kProducts; ++i) {
      tile({a.data(), kDepth, c.data(), kPanel, kRows}, panel.data(), kDepth, kPanel, true);
    }
    best = std::min(best, seconds_since(begin));
  } while (seconds_since(start) < kBudget);
  return best / static_cast<double>(kNumbers<Word>);
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

/// Leaves 80000002 to 80000004 are the name, leaf 1 the signature (Intel SDM, volume 2, CPUID).
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

double measure_bfloat16_speedup() {
  if (!has_bfloat16_products()) {
    return 0.5;  // two multiply-adds and as many conversions for each
  }
  return product_seconds<float>() / product_seconds<Pair>();
}

}  // namespace routedk::kernels::cpu
