#include "routedk/kernels/cpu/nf4_codec.h"

#include <algorithm>
#include <cmath>

namespace routedk::kernels::cpu {
namespace {

/// Midpoints between adjacent codebook values, rounded to fp32; a value equal to a threshold takes the lower
/// code.
constexpr std::array<float, 15> make_thresholds() {
  std::array<float, 15> thresholds{};
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    thresholds[i] = (kNf4Codebook[i] + kNf4Codebook[i + 1]) / 2.0F;
  }
  return thresholds;
}
constexpr std::array<float, 15> kThresholds = make_thresholds();
constexpr std::uint8_t kZeroCode = 7;
/// Blocks with a smaller absmax are divided by this instead, as in bitsandbytes: its inverse is finite.
constexpr float kSmallestScale = 1e-38F;

/// The number of thresholds strictly below the value; branch-free, so that it vectorises.
std::uint8_t nf4_code(float normalised) noexcept {
  int code = 0;
  for (const float threshold : kThresholds) {
    code += static_cast<int>(normalised > threshold);
  }
  return static_cast<std::uint8_t>(code);
}

float max_magnitude(std::span<const float> values) noexcept {
  float largest = 0.0F;
  for (const float value : values) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

/// torch.linspace(0.1, 1, count) in fp32: computed from the nearer end, with fused multiply-adds.
float linspace(std::size_t i, std::size_t count) noexcept {
  const float start = 0.1F;
  const float end = 1.0F;
  const float step = (end - start) / static_cast<float>(count - 1);
  return i < count / 2 ? std::fma(step, static_cast<float>(i), start)
                       : std::fma(-step, static_cast<float>(count - i - 1), end);
}

/// Seven decades; decade e, from 1e-6 to 1, has 2^e equal steps of [0.1, 1], each represented by its
/// midpoint.
std::array<float, 256> make_dynamic_map() {
  std::array<float, 256> map{};
  std::size_t next = 0;
  for (int decade = 0; decade < 7; ++decade) {
    const std::size_t boundaries = (std::size_t{1} << decade) + 1;
    const auto unit = static_cast<float>(std::pow(10.0, decade - 6));
    for (std::size_t i = 0; i + 1 < boundaries; ++i) {
      const float mean = (linspace(i, boundaries) + linspace(i + 1, boundaries)) / 2.0F;
      map[next++] = unit * mean;
      map[next++] = -unit * mean;
    }
  }
  map[next++] = 0.0F;
  map[next++] = 1.0F;
  std::sort(map.begin(), map.end());
  return map;
}

std::uint8_t nearest_code(float value) noexcept {
  const auto& map = dynamic_map();
  const auto* above = std::lower_bound(map.begin(), map.end(), value);
  if (above == map.begin()) {
    return 0;
  }
  if (above == map.end() || value - *(above - 1) <= *above - value) {
    --above;
  }
  return static_cast<std::uint8_t>(above - map.begin());
}

}  // namespace

void nf4_quantize(std::span<const float> values, std::span<std::uint8_t> packed, std::span<float> absmax) {
  const std::size_t block = kNf4Block;
  for (std::size_t start = 0; start < values.size(); start += block) {
    const auto part = values.subspan(start, std::min(block, values.size() - start));
    const float largest = max_magnitude(part);
    const float inverse = 1.0F / std::max(largest, kSmallestScale);
    absmax[start / block] = largest;
    for (std::size_t i = 0; i < part.size(); i += 2) {
      const std::uint8_t high = nf4_code(part[i] * inverse);
      const std::uint8_t low = i + 1 < part.size() ? nf4_code(part[i + 1] * inverse) : kZeroCode;
      packed[(start + i) / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
  }
}

void nf4_dequantize(std::span<const std::uint8_t> packed, std::span<const float> absmax,
                    std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const unsigned byte = packed[i / 2];
    out[i] = kNf4Codebook[i % 2 == 0 ? byte >> 4 : byte & 15U] * absmax[i / kNf4Block];
  }
}

const std::array<float, 256>& dynamic_map() {
  static const std::array<float, 256> map = make_dynamic_map();
  return map;
}

void dynamic8_quantize(std::span<const float> values, std::span<std::uint8_t> codes,
                       std::span<float> absmax) {
  const std::size_t block = kNestedBlock;
  for (std::size_t start = 0; start < values.size(); start += block) {
    const auto part = values.subspan(start, std::min(block, values.size() - start));
    const float largest = max_magnitude(part);
    absmax[start / block] = largest;
    const float inverse = largest > 0.0F ? 1.0F / largest : 0.0F;
    for (std::size_t i = 0; i < part.size(); ++i) {
      codes[start + i] = nearest_code(part[i] * inverse);
    }
  }
}

}  // namespace routedk::kernels::cpu
