/// The layout of each weight format for the 8-bit products.
#include "routedk/core/error.h"
#include "routedk/kernels/cpu/ggml_decode.h"
#include "routedk/kernels/cpu/int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "int8_kernel.h"
#include <ATen/Parallel.h>
#include <c10/util/Half.h>

namespace routedk::kernels::cpu {
namespace {

constexpr std::int64_t kRowGrain = 16 * Int8Panels::kWidth;  // least number of rows per thread
constexpr float kLargest = 127.0F;

/// The 16 codebook values as 8-bit integers plus 128; returns their scale. Of all scales with values within
/// 127, it takes the one with the least rounding error.
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

/// How a type's codes are stored: the least one, and whether there are only 16.
struct GgmlCodes {
  bool four_bit;
  int least;  ///< of 4-bit codes; wider ones are stored unchanged
};

GgmlCodes codes_of(GgmlType type) {
  switch (type) {
    case GgmlType::kQ4_0:
      return {true, -8};
    case GgmlType::kQ4_1:
    case GgmlType::kQ4_K:
      return {true, 0};
    case GgmlType::kQ5_0:
    case GgmlType::kQ5_1:
    case GgmlType::kQ8_0:
    case GgmlType::kQ5_K:
    case GgmlType::kQ6_K:
      break;
  }
  return {false, 0};
}

}  // namespace

Int8Panels::Int8Panels(std::int64_t out, std::int64_t in, const Format& format)
    : out_(out), in_(in), format_(format), blocks_((in + format.block - 1) / format.block) {
  check_int8_block(format.block);
  data_ = at::zeros({panels(), blocks_, format.bytes()}, at::kByte);
  first_panel_ = data_.data_ptr<std::uint8_t>();
}

std::uint8_t* Int8Panels::panel(std::int64_t index) const {
  return first_panel_ + index * panel_bytes();
}

/// A matrix row's place in the blocks of its panel.
class Int8Panels::Lane {
 public:
  Lane(const Int8Panels& panels, std::int64_t row)
      : format_(panels.format_), at_(panels.panel(row / kWidth)), lane_(row % kWidth) {}

  /// Stores column k's code: 4-bit codes unchanged, others plus 128.
  void put(std::int64_t k, int code) const {
    const auto value = static_cast<unsigned>(code);
    if (format_.four_bit) {  // a line has columns 0..3 in low nibbles, 4..7 in high ones
      std::uint8_t& byte = at_[k / 8 * 64 + lane_ * 4 + k % 4];
      byte = static_cast<std::uint8_t>(byte | (k % 8 < 4 ? value : value << 4U));
    } else {
      at_[k / 4 * 64 + lane_ * 4 + k % 4] = static_cast<std::uint8_t>(value + 128U);
    }
  }
  void put_scale(float scale) const { put_number(format_.code_bytes(), scale); }
  void put_min(float min) const { put_number(format_.code_bytes() + format_.scale_bytes(), min); }
  void next_block() { at_ += format_.bytes(); }

 private:
  void put_number(std::int64_t where, float number) const {
    if (format_.half) {
      const c10::Half half(number);
      std::memcpy(at_ + where + lane_ * 2, &half, sizeof(half));
    } else {
      std::memcpy(at_ + where + lane_ * 4, &number, sizeof(number));
    }
  }

  Format format_;
  std::uint8_t* at_;
  std::int64_t lane_;
};

std::int64_t Int8Panels::block_of(const Weight& weight) noexcept {
  if (const auto* ggml = std::get_if<GgmlBlocks>(&weight)) {
    return ggml->type() == GgmlType::kQ6_K ? 16 : kGgmlGroup;
  }
  return std::holds_alternative<Nf4>(weight) && in_features(weight) % kNf4Block == 0 ? kNf4Block : 0;
}

Int8Panels Int8Panels::from(const Weight& weight, std::int64_t block) {
  if (const auto* ggml = std::get_if<GgmlBlocks>(&weight)) {
    return from_ggml(*ggml, block);
  }
  return from_nf4(std::get<Nf4>(weight), block);
}

Int8Panels Int8Panels::from_nf4(const Nf4& weight, std::int64_t block) {
  if (block_of(weight) == 0) {
    throw_<Error>("a row of an NF4 matrix must be whole blocks of {}, but has {} columns instead", kNf4Block,
                  weight.in_features());
  }
  Int8Panels p(weight.out_features(), weight.in_features(), {.block = block, .four_bit = true});
  const float table_scale = make_table(weight.parts().codebook.const_data_ptr<float>(), p.table_);
  const at::Tensor absmax = weight.absmax();
  const auto* scales = absmax.const_data_ptr<float>();
  const auto* codes = weight.parts().codes.const_data_ptr<std::uint8_t>();
  at::parallel_for(0, p.out_, kRowGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      Lane lane(p, row);
      for (std::int64_t column = row * p.in_; column < (row + 1) * p.in_; column += block) {
        for (std::int64_t k = 0; k < block; ++k) {
          const unsigned pair = codes[(column + k) / 2];
          lane.put(k, static_cast<int>(k % 2 == 0 ? pair >> 4U : pair & 15U));
        }
        lane.put_scale(scales[column / kNf4Block] * table_scale);
        lane.next_block();
      }
    }
  });
  return p;
}

Int8Panels Int8Panels::from_ggml(const GgmlBlocks& weight, std::int64_t block) {
  const GgmlType type = weight.type();
  const GgmlCodes codes = codes_of(type);
  Int8Panels p(weight.out_features(), weight.in_features(),
               {block, codes.four_bit, layout_of(type).elements == kGgmlGroup, layout_of(type).scales == 2});
  for (std::size_t i = 0; i < p.table_.size(); ++i) {
    p.table_[i] = static_cast<std::uint8_t>(static_cast<int>(i) + codes.least + 128);
  }
  const auto* blocks = weight.data().const_data_ptr<std::uint8_t>();
  at::parallel_for(0, p.out_, kRowGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      Lane lane(p, row);
      for (std::int64_t column = 0; column < p.in_; column += block) {
        const GgmlGroup group = ggml_group(type, blocks, (row * p.in_ + column) / kGgmlGroup);
        const auto skipped = static_cast<std::size_t>(column % kGgmlGroup);
        for (std::int64_t k = 0; k < block; ++k) {
          lane.put(k, group.codes[skipped + static_cast<std::size_t>(k)] - codes.least);
        }
        lane.put_scale(group.scale[skipped / 16]);
        if (p.format_.minima) {
          lane.put_min(group.min);
        }
        lane.next_block();
      }
    }
  });
  return p;
}

Int8Panels Int8Panels::quantize(const at::Tensor& dense, std::int64_t block) {
  const at::Tensor matrix = dense.to(at::kFloat).contiguous();
  Int8Panels p(matrix.size(0), matrix.size(1), {.block = block});
  const auto* from = matrix.const_data_ptr<float>();
  at::parallel_for(0, p.out_, kRowGrain, [&](std::int64_t first, std::int64_t last) {
    Int8Rows rows(block);
    rows.resize(1, p.in_);
    for (std::int64_t row = first; row < last; ++row) {
      rows.quantize(0, from + row * p.in_);
      Lane lane(p, row);
      for (std::int64_t b = 0; b < p.blocks_; ++b) {
        for (std::int64_t k = 0; k < block; ++k) {
          lane.put(k, rows.codes(0)[b * block + k]);
        }
        lane.put_scale(rows.scales(0)[b]);
        lane.next_block();
      }
    }
  });
  return p;
}

}  // namespace routedk::kernels::cpu
