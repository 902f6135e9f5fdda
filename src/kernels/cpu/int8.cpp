#include "routedk/kernels/cpu/int8.h"

#include "routedk/core/error.h"
#include "routedk/kernels/cpu/softmax.h"

#include <algorithm>
#include <cstring>

#include "int8_kernel.h"

namespace routedk::kernels::cpu {
namespace {

constexpr float kLargest = 127.0F;
/// Blocks of smaller values become zeros: 127 divided by such a value would not be finite.
constexpr float kSmallest = 0x1p-120F;

/// Where a row's codes are written.
struct Codes {
  std::int8_t* codes;
  float* scales;
  std::int32_t* corrections;
  float* sums;

  Codes from(std::int64_t column, std::int64_t block) const noexcept {
    return {codes + column, scales + block, corrections + block, sums + block};
  }
};

/// Loads 16 values, multiplied by their weight if there are weights. Values with weight 0 may be anything.
ROUTEDK_INLINE void load(const float* x, const float* weights, std::int64_t at, FloatLanes& values) {
  std::memcpy(&values, x + at, sizeof(values));
  if (weights != nullptr) {
    const float weight = weights[at / 16];
    values = weight != 0.0F ? values * weight : FloatLanes{};
  }
}

ROUTEDK_INLINE float largest_magnitude(const float* x, const float* weights, std::int64_t size) {
  FloatLanes largest{};
  for (std::int64_t i = 0; i < size; i += 16) {
    FloatLanes magnitudes;
    load(x, weights, i, magnitudes);
    IntLanes bits;
    std::memcpy(&bits, &magnitudes, sizeof(bits));
    bits &= 0x7FFFFFFF;  // clears the sign
    std::memcpy(&magnitudes, &bits, sizeof(magnitudes));
    raise(largest, magnitudes);
  }
  return largest_lane(largest);
}

/// Quantises one whole block; its size is a multiple of 16.
ROUTEDK_INLINE void quantize_block(const float* x, const float* weights, std::int64_t block,
                                   const Codes& to) {
  typedef std::int8_t Bytes __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest even integer
  const float largest = largest_magnitude(x, weights, block);
  const bool zero = largest < kSmallest;
  const float inverse = zero ? 0.0F : kLargest / largest;
  IntLanes sums{};
  for (std::int64_t i = 0; i < block; i += 16) {
    FloatLanes values;
    load(x, weights, i, values);
    const FloatLanes rounded = (values * inverse + kRound) - kRound;
    const auto whole = __builtin_convertvector(rounded, IntLanes);
    const auto bytes = __builtin_convertvector(whole, Bytes);
    std::memcpy(to.codes + i, &bytes, sizeof(bytes));
    sums += whole;
  }
  const std::int32_t sum = sum_of_lanes(sums);
  *to.scales = zero ? 0.0F : largest / kLargest;
  *to.corrections = -128 * sum;
  *to.sums = *to.scales * static_cast<float>(sum);
}

/// x [width], multiplied by weights [width/16] if any -> codes, zero-padded to whole blocks.
ROUTEDK_CLONES void quantize_row(const float* x, const float* weights, std::int64_t width, std::int64_t block,
                                 const Codes& to) {
  std::int64_t b = 0;
  for (std::int64_t first = 0; first < width; first += block, ++b) {
    const std::int64_t size = std::min(block, width - first);
    const std::int64_t lanes = (size + 15) / 16 * 16;
    const float* from = x + first;
    float padded[64] = {};
    if (size < lanes) {
      from = std::copy(from, from + size, padded) - size;
    }
    quantize_block(from, weights == nullptr ? nullptr : weights + first / 16, lanes, to.from(first, b));
    std::fill(to.codes + first + lanes, to.codes + first + block, std::int8_t{0});
  }
}

}  // namespace

void check_int8_block(std::int64_t block) {
  if (block % 16 != 0 || block < 16 || block > 64) {
    throw_<Error>("a block of 8-bit codes must hold 16, 32, 48 or 64, but holds {} instead", block);
  }
}

void Int8Rows::resize(std::int64_t rows, std::int64_t width) {
  check_int8_block(block_);
  const std::int64_t blocks = (width + block_ - 1) / block_;
  if (!memory_.defined() || blocks != blocks_ || held_ < rows) {
    const std::int64_t code_bytes = (rows * blocks * block_ + 63) / 64 * 64;
    memory_ = at::empty({code_bytes + rows * blocks * 12}, at::kByte);
    codes_ = reinterpret_cast<std::int8_t*>(memory_.data_ptr<std::uint8_t>());
    scales_ = reinterpret_cast<float*>(codes_ + code_bytes);
    corrections_ = reinterpret_cast<std::int32_t*>(scales_ + rows * blocks);
    sums_ = reinterpret_cast<float*>(corrections_ + rows * blocks);
    held_ = rows;
  }
  rows_ = rows;
  width_ = width;
  blocks_ = blocks;
}

void Int8Rows::quantize(std::int64_t row, const float* x, const float* weights) {
  const Codes first{codes_, scales_, corrections_, sums_};
  quantize_row(x, weights, width_, block_, first.from(row * blocks_ * block_, row * blocks_));
}

const char* int8_path() noexcept {
  return int8_kernel().name;
}

}  // namespace routedk::kernels::cpu
