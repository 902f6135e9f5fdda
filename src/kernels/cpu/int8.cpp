#include "routedk/kernels/cpu/int8.h"

#include "routedk/core/error.h"
#include "routedk/kernels/cpu/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "int8_kernel.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

constexpr float kLargest = 127.0F;

/// Where a row's codes go.
struct Codes {
  std::int8_t* codes;
  float* scales;
  std::int32_t* corrections;
};

/// 16 values, times their weight where there are weights. What weighs nothing may be anything.
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
    bits &= 0x7FFFFFFF;  // without the sign
    std::memcpy(&magnitudes, &bits, sizeof(magnitudes));
    raise(largest, magnitudes);
  }
  return largest_lane(largest);
}

/// One whole block, a multiple of 16.
ROUTEDK_INLINE void quantize_block(const float* x, const float* weights, std::int64_t block,
                                   std::int8_t* codes, float* scale, std::int32_t* correction) {
  typedef std::int8_t Bytes __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest even integer
  const float largest = largest_magnitude(x, weights, block);
  const float inverse = largest > 0.0F ? kLargest / largest : 0.0F;
  IntLanes sums{};
  for (std::int64_t i = 0; i < block; i += 16) {
    FloatLanes values;
    load(x, weights, i, values);
    const FloatLanes rounded = (values * inverse + kRound) - kRound;
    const auto whole = __builtin_convertvector(rounded, IntLanes);
    const auto bytes = __builtin_convertvector(whole, Bytes);
    std::memcpy(codes + i, &bytes, sizeof(bytes));
    sums += whole;
  }
  *scale = largest / kLargest;
  *correction = -128 * sum_of_lanes(sums);
}

/// x [width], times weights [width/16] if there are any -> codes, zeros up to whole blocks.
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
    quantize_block(from, weights == nullptr ? nullptr : weights + first / 16, lanes, to.codes + first,
                   to.scales + b, to.corrections + b);
    std::fill(to.codes + first + lanes, to.codes + first + block, std::int8_t{0});
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

void Int8Rows::quantize(std::int64_t row, const float* x, const float* weights) {
  quantize_row(x, weights, width_, block_,
               {codes_ + row * blocks_ * block_, scales_ + row * blocks_, corrections_ + row * blocks_});
}

Int8Panels::Int8Panels(std::int64_t out, std::int64_t in, std::int64_t block, bool four_bit)
    : out_(out), in_(in), block_(block), blocks_((in + block - 1) / block), four_bit_(four_bit) {
  data_ = at::zeros({panels(), blocks_, block_bytes()}, at::kByte);
  first_panel_ = data_.data_ptr<std::uint8_t>();
}

std::int64_t Int8Panels::block_bytes() const noexcept {
  return block_ * kWidth / (four_bit_ ? 2 : 1) + kInt8ScaleBytes;
}

std::uint8_t* Int8Panels::panel(std::int64_t index) const {
  return first_panel_ + index * panel_bytes();
}

bool Int8Panels::fits(const Nf4& weight) noexcept {
  return weight.in_features() % kNf4Block == 0;
}

Int8Panels Int8Panels::from_nf4(const Nf4& weight) {
  if (!fits(weight)) {
    throw_<Error>("a row of an NF4 matrix must be whole blocks of {}, but has {} columns instead", kNf4Block,
                  weight.in_features());
  }
  Int8Panels p(weight.out_features(), weight.in_features(), kNf4Block, true);
  const float table_scale = make_table(weight.parts().codebook.const_data_ptr<float>(), p.table_);
  const at::Tensor absmax = weight.absmax();
  const auto* scales = absmax.const_data_ptr<float>();
  const auto* codes = weight.parts().codes.const_data_ptr<std::uint8_t>();
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
          quantize_row(from + (index * kWidth + lane) * p.in_ + b * block, nullptr,
                       std::min(block, p.in_ - b * block), block, {codes.data(), &scale, &correction});
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

const char* int8_path() noexcept {
  return int8_kernel().name;
}

}  // namespace routedk::kernels::cpu
