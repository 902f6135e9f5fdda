#include "routedk/quant/cpu/int8.h"

#include "routedk/core/error.h"
#include "routedk/core/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "int8_kernel.h"
#include <ATen/Parallel.h>

namespace routedk::quant::cpu {
namespace {

constexpr float kLargest = 127.0F;
constexpr std::int64_t kWidth = Int8Panels::kWidth;
constexpr std::int64_t kScaleBytes = kWidth * static_cast<std::int64_t>(sizeof(float));

ROUTEDK_INLINE float largest_magnitude(const float* x, std::int64_t size) {
  FloatLanes largest{};
  for (std::int64_t i = 0; i < size; i += 16) {
    IntLanes bits;
    std::memcpy(&bits, x + i, sizeof(bits));
    bits &= 0x7FFFFFFF;  // without the sign
    FloatLanes magnitudes;
    std::memcpy(&magnitudes, &bits, sizeof(magnitudes));
    raise(largest, magnitudes);
  }
  return largest_lane(largest);
}

/// Where a row's codes go.
struct Codes {
  std::int8_t* codes;
  float* scales;
  std::int32_t* corrections;
};

/// One whole block, a multiple of 16.
ROUTEDK_INLINE void quantize_block(const float* x, std::int64_t block, std::int8_t* codes, float* scale,
                                   std::int32_t* correction) {
  typedef std::int8_t Bytes __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest even integer
  const float largest = largest_magnitude(x, block);
  const float inverse = largest > 0.0F ? kLargest / largest : 0.0F;
  IntLanes sums{};
  for (std::int64_t i = 0; i < block; i += 16) {
    FloatLanes values;
    std::memcpy(&values, x + i, sizeof(values));
    const FloatLanes rounded = (values * inverse + kRound) - kRound;
    const auto whole = __builtin_convertvector(rounded, IntLanes);
    const auto bytes = __builtin_convertvector(whole, Bytes);
    std::memcpy(codes + i, &bytes, sizeof(bytes));
    sums += whole;
  }
  std::int32_t sum = 0;
  for (int lane = 0; lane < 16; ++lane) {
    sum += sums[lane];
  }
  *scale = largest / kLargest;
  *correction = -128 * sum;
}

/// x [width] -> codes, zeros up to whole blocks.
ROUTEDK_CLONES void quantize_row(const float* x, std::int64_t width, std::int64_t block, const Codes& to) {
  const std::int64_t whole = width / block;
  for (std::int64_t b = 0; b < whole; ++b) {
    quantize_block(x + b * block, block, to.codes + b * block, to.scales + b, to.corrections + b);
  }
  if (whole * block < width) {
    float padded[64] = {};
    std::copy(x + whole * block, x + width, padded);
    quantize_block(padded, block, to.codes + whole * block, to.scales + whole, to.corrections + whole);
  }
}

/// The 16 codebook values as 8-bit ones plus 128, and what to multiply them with. Of all scales that stay
/// within 127 the one whose rounding errs least.
float make_table(const float* codebook, std::array<std::uint8_t, 16>& table) {
  float largest = 0.0F;
  for (int i = 0; i < 16; ++i) {
    largest = std::max(largest, std::fabs(codebook[i]));
  }
  float best_scale = 0.0F;
  float best_error = std::numeric_limits<float>::infinity();
  for (float steps = 96.0F; largest > 0.0F && steps <= kLargest; steps += 0.125F) {
    const float scale = largest / steps;
    float error = 0.0F;
    for (int i = 0; i < 16; ++i) {
      const float off = codebook[i] - scale * std::nearbyint(codebook[i] / scale);
      error += off * off;
    }
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  for (std::size_t i = 0; i < 16; ++i) {
    const float code = best_scale > 0.0F ? std::nearbyint(codebook[i] / best_scale) : 0.0F;
    table[i] = static_cast<std::uint8_t>(static_cast<int>(code) + 128);
  }
  return best_scale;
}

void check_block(std::int64_t block) {
  if (block % 16 != 0 || block < 16 || block > 64) {
    throw_<Error>("a block of 8-bit codes must hold 16, 32, 48 or 64, but holds {} instead", block);
  }
}

}  // namespace

void Int8Rows::resize(std::int64_t rows, std::int64_t width) {
  check_block(block_);
  const std::int64_t blocks = (width + block_ - 1) / block_;
  if (!memory_.defined() || blocks != blocks_ || held_ < rows) {
    const std::int64_t code_bytes = (rows * blocks * block_ + 63) / 64 * 64;
    memory_ = at::empty({code_bytes + rows * blocks * 8}, at::kByte);
    codes_ = reinterpret_cast<std::int8_t*>(memory_.data_ptr<std::uint8_t>());
    scales_ = reinterpret_cast<float*>(codes_ + code_bytes);
    corrections_ = reinterpret_cast<std::int32_t*>(scales_ + rows * blocks);
    held_ = rows;
  }
  rows_ = rows;
  width_ = width;
  blocks_ = blocks;
}

void Int8Rows::quantize(std::int64_t row, const float* x) {
  quantize_row(x, width_, block_,
               {codes_ + row * blocks_ * block_, scales_ + row * blocks_, corrections_ + row * blocks_});
}

Int8Panels::Int8Panels(std::int64_t out, std::int64_t in, std::int64_t block, bool four_bit)
    : out_(out), in_(in), block_(block), blocks_((in + block - 1) / block), four_bit_(four_bit) {
  data_ = at::zeros({panels(), blocks_, block_bytes()}, at::kByte);
}

std::int64_t Int8Panels::block_bytes() const noexcept {
  return block_ * kWidth / (four_bit_ ? 2 : 1) + kScaleBytes;
}

std::uint8_t* Int8Panels::panel(std::int64_t index) const {
  return data_.data_ptr<std::uint8_t>() + index * blocks_ * block_bytes();
}

bool Int8Panels::fits(const PackedWeight& weight) noexcept {
  return weight.in_features() % kNf4Block == 0;
}

Int8Panels Int8Panels::from_nf4(const PackedWeight& weight) {
  if (!fits(weight)) {
    throw_<Error>("a row of an NF4 matrix must be whole blocks of {}, but has {} columns instead", kNf4Block,
                  weight.in_features());
  }
  Int8Panels p(weight.out_features(), weight.in_features(), kNf4Block, true);
  const float table_scale = make_table(weight.parts().codebook.const_data_ptr<float>(), p.table_);
  const at::Tensor absmax = weight.absmax();
  const auto* scales = absmax.const_data_ptr<float>();
  const auto* codes = weight.codes().const_data_ptr<std::uint8_t>();
  at::parallel_for(0, p.panels(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first * kWidth; row < std::min(last * kWidth, p.out_); ++row) {
      std::uint8_t* to = p.panel(row / kWidth);
      const std::int64_t lane = row % kWidth;
      for (std::int64_t b = 0; b < p.blocks_; ++b) {
        const std::int64_t block = row * p.blocks_ + b;
        const std::uint8_t* from = codes + block * (kNf4Block / 2);
        for (std::int64_t k = 0; k < kNf4Block; ++k) {  // line k / 8: columns 0..3 below, 4..7 above
          const unsigned code = k % 2 == 0 ? from[k / 2] >> 4U : from[k / 2] & 15U;
          std::uint8_t& byte = to[k / 8 * 64 + lane * 4 + k % 4];
          byte = static_cast<std::uint8_t>(k % 8 < 4 ? code : byte | code << 4U);
        }
        const float scale = scales[block] * table_scale;
        std::memcpy(to + kNf4Block * kWidth / 2 + lane * 4, &scale, sizeof(scale));
        to += p.block_bytes();
      }
    }
  });
  return p;
}

Int8Panels Int8Panels::quantize(const at::Tensor& dense, std::int64_t block) {
  check_block(block);
  const at::Tensor matrix = dense.to(at::kFloat).contiguous();
  Int8Panels p(matrix.size(0), matrix.size(1), block, false);
  const auto* from = matrix.const_data_ptr<float>();
  at::parallel_for(0, p.panels(), 16, [&](std::int64_t first, std::int64_t last) {
    std::array<std::int8_t, 64> codes{};
    for (std::int64_t index = first; index < last; ++index) {
      std::uint8_t* to = p.panel(index);
      for (std::int64_t b = 0; b < p.blocks_; ++b) {
        std::fill(to, to + block * kWidth, std::uint8_t{128});  // zero where the matrix ends
        for (std::int64_t lane = 0; lane < std::min(kWidth, p.out_ - index * kWidth); ++lane) {
          float scale = 0.0F;
          std::int32_t correction = 0;
          quantize_row(from + (index * kWidth + lane) * p.in_ + b * block, std::min(block, p.in_ - b * block),
                       block, {codes.data(), &scale, &correction});
          for (std::int64_t k = 0; k < block; ++k) {
            to[k / 4 * 64 + lane * 4 + k % 4] =
                static_cast<std::uint8_t>(codes[static_cast<std::size_t>(k)] + 128);
          }
          std::memcpy(to + block * kWidth + lane * 4, &scale, sizeof(scale));
        }
        to += p.block_bytes();
      }
    }
  });
  return p;
}

namespace {

/// Rows that pass a panel before the next: their codes stay in the second-level cache.
constexpr std::int64_t kRowsPerPass = 192;

/// The first `width` of each row's 16 sums.
void put(const float* sums, std::int64_t rows, std::int64_t width, Int8Sums to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t n = 0; n < width; ++n) {
      float& y = to.values[r * to.stride + n];
      y = sums[r * kWidth + n] + (to.add ? y : 0.0F);
    }
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-non-const-parameter): clang-tidy 14 does not see y in the braces below
void Int8Panels::multiply(const Int8Rows& x, const Part& part, float* y, std::int64_t stride) const {
  static const Int8Kernel& kernel = int8_kernel();
  const std::int64_t first_block = part.first_column / block_;
  const std::int64_t last_column = part.last_column < 0 ? blocks_ * block_ : part.last_column;
  const std::int64_t blocks = (last_column + block_ - 1) / block_ - first_block;
  const bool direct = four_bit_ && x.rows() <= kInt8Rows && kernel.four_bit != nullptr;
  const at::Tensor memory =
      four_bit_ && !direct ? at::empty({blocks * (block_ * kWidth + kScaleBytes)}, at::kByte) : at::Tensor();
  auto* const wide = memory.defined() ? memory.data_ptr<std::uint8_t>() : nullptr;
  const auto* const data = data_.const_data_ptr<std::uint8_t>() + first_block * block_bytes();
  alignas(64) std::array<float, static_cast<std::size_t>(kRowsPerPass * kWidth)> sums;
  for (std::int64_t row = 0; row < x.rows(); row += kRowsPerPass) {
    const Int8Tile tile{x.codes(row) + first_block * block_,      x.scales(row) + first_block,
                        x.corrections(row) + first_block,         blocks,
                        std::min(kRowsPerPass, x.rows() - row),   x.blocks(),
                        part.first_column - first_block * block_, last_column - first_block * block_};
    for (std::int64_t index = part.first; index < part.last; ++index) {
      const std::uint8_t* weights = data + index * blocks_ * block_bytes();
      if (wide != nullptr) {
        kernel.widen(weights, table_.data(), blocks, wide);
        weights = wide;
      }
      const std::int64_t column = index * kWidth;
      const std::int64_t width = std::min(kWidth, out_ - column);
      const Int8Sums to{y + row * stride + column, stride, part.add};
      const Int8Sums here = width == kWidth ? to : Int8Sums{sums.data(), kWidth, false};
      if (direct) {
        kernel.four_bit(weights, table_.data(), tile, here);
      } else {
        kernel.eight_bit(weights, block_, tile, here);
      }
      if (width < kWidth) {
        put(sums.data(), tile.count, width, to);
      }
    }
  }
}

const char* int8_path() noexcept {
  return int8_kernel().name;
}

}  // namespace routedk::quant::cpu
