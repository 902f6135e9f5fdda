#include "routedk/kernels/cpu/nf4_codec.h"

#include "routedk/core/random.h"
#include "routedk/kernels/weight.h"

#include <algorithm>
#include <cmath>

#include "support/wave.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using namespace cpu;

/// What one block of up to 64 values becomes, written down from the format and not from the code.
struct NaiveBlock {
  float absmax = 0.0F;
  std::vector<int> codes;
};

/// Midpoints of neighbouring codebook values, as doubles rounded to fp32.
std::vector<float> midpoints() {
  std::vector<float> found;
  for (std::size_t i = 0; i + 1 < kNf4Codebook.size(); ++i) {
    found.push_back(static_cast<float>((double{kNf4Codebook[i]} + double{kNf4Codebook[i + 1]}) / 2.0));
  }
  return found;
}

NaiveBlock naive_block(const std::vector<float>& values) {
  static const std::vector<float> thresholds = midpoints();
  NaiveBlock block;
  for (const float value : values) {
    block.absmax = std::fmax(block.absmax, std::fabs(value));
  }
  for (const float value : values) {
    const float inverse = 1.0F / std::fmax(block.absmax, 1e-38F);  // found in bitsandbytes 0.50 by trial
    const float normalised = value * inverse;
    block.codes.push_back(static_cast<int>(
        std::lower_bound(thresholds.begin(), thresholds.end(), normalised) - thresholds.begin()));
  }
  return block;
}

/// A matrix of any shape and scale: blocks of zeros, scales from 1e-44 to 1e36, values on the thresholds.
at::Tensor random_matrix(Random& random, at::ScalarType dtype) {
  const auto rows = static_cast<std::int64_t>(1 + random.below(40));
  const auto cols = static_cast<std::int64_t>(1 + random.below(300));
  at::Tensor matrix = at::empty({rows, cols}, at::kFloat);
  auto* values = matrix.data_ptr<float>();
  const std::vector<float> thresholds = midpoints();
  double scale = 1.0;
  for (std::int64_t i = 0; i < matrix.numel(); ++i) {
    if (i % kNf4Block == 0) {
      const std::uint64_t kind = random.below(8);
      scale = kind == 0 ? 0.0 : kind == 1 ? std::pow(10.0, 80.0 * random.uniform() - 44.0) : 1.0;
    }
    const bool on_threshold = random.below(10) == 0;
    const double value = on_threshold ? double{thresholds[random.below(15)]} : 2.0 * random.uniform() - 1.0;
    values[i] = static_cast<float>(scale * (i % kNf4Block == 5 ? 1.0 : value));
  }
  return matrix.to(dtype);
}

class Nf4Property : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, Nf4Property, ::testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& test) { return at::toString(test.param); });

TEST_P(Nf4Property, random_matrices_are_packed_as_the_format_says_bit_for_bit) {
  Random random(5, "nf4_property_test");
  for (int repeat = 0; repeat < 200; ++repeat) {
    const at::Tensor matrix = random_matrix(random, GetParam() == at::kHalf ? at::kFloat : GetParam());
    const at::Tensor input = GetParam() == at::kHalf ? matrix.clamp(-6e4, 6e4).to(at::kHalf) : matrix;
    const at::Tensor flat = input.to(at::kFloat).reshape(-1);
    const Nf4 packed = Nf4::quantize(input, /*double_quant=*/false);
    const auto* codes = packed.parts().codes.const_data_ptr<std::uint8_t>();
    const at::Tensor scales = packed.absmax();
    const at::Tensor decoded = dequantize(packed, at::kFloat).reshape(-1).to(at::kFloat);
    for (std::int64_t begin = 0; begin < flat.numel(); begin += kNf4Block) {
      const std::int64_t end = std::min(begin + kNf4Block, flat.numel());
      const auto* first = flat.const_data_ptr<float>();
      const NaiveBlock naive = naive_block({first + begin, first + end});
      ASSERT_EQ(scales.const_data_ptr<float>()[begin / kNf4Block], naive.absmax);
      for (std::int64_t i = begin; i < end; ++i) {
        const int code = naive.codes[static_cast<std::size_t>(i - begin)];
        ASSERT_EQ(i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15, code) << "element " << i;
        const at::Tensor wanted =
            at::scalar_tensor(kNf4Codebook[static_cast<std::size_t>(code)] * naive.absmax, at::kFloat);
        ASSERT_EQ(decoded.const_data_ptr<float>()[i], wanted.to(GetParam()).to(at::kFloat).item<float>());
      }
    }
    if (flat.numel() % 2 == 1) {
      ASSERT_EQ(codes[flat.numel() / 2] & 15, 7);
    }
  }
}

TEST(Nf4Threads, many_threads_pack_the_bytes_of_one) {
  at::Tensor matrix = testing::wave({1531, 257}, 1.0);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(nf4_bytes(matrix.numel())));
  std::vector<float> absmax(static_cast<std::size_t>(nf4_blocks(matrix.numel())));
  nf4_quantize({matrix.const_data_ptr<float>(), static_cast<std::size_t>(matrix.numel())}, codes, absmax);
  const Nf4 packed = Nf4::quantize(matrix, false);
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), packed.parts().codes.const_data_ptr<std::uint8_t>()));
  EXPECT_TRUE(std::equal(absmax.begin(), absmax.end(), packed.absmax().const_data_ptr<float>()));
}

}  // namespace
}  // namespace routedk::kernels
