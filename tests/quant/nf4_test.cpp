#include "routedk/kernels/cpu/nf4_codec.h"
#include "routedk/kernels/cpu/nf4_decode.h"
#include "routedk/kernels/weight.h"

#include <cstring>
#include <set>

#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::kernels {
namespace {

using namespace cpu;

using testing::Golden;

template <typename T>
std::span<T> span_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<std::remove_const_t<T>>(), static_cast<std::size_t>(tensor.numel())};
}

/// The same bits, so that -0 and 0 differ.
void expect_same_bits(const at::Tensor& found, const at::Tensor& wanted) {
  ASSERT_EQ(found.numel(), wanted.numel());
  ASSERT_EQ(found.scalar_type(), wanted.scalar_type());
  EXPECT_EQ(std::memcmp(found.contiguous().data_ptr(), wanted.contiguous().data_ptr(), wanted.nbytes()), 0);
}

/// One tensor of nf4.safetensors with all that bitsandbytes made of it.
class Nf4Golden : public ::testing::TestWithParam<std::string> {
 protected:
  at::Tensor operator[](const std::string& part) const { return golden_[GetParam() + "." + part]; }

 private:
  Golden golden_{"nf4.safetensors"};
};

std::vector<std::string> case_names() {
  std::set<std::string> names;
  const Golden golden("nf4.safetensors");
  for (const auto& [name, view] : golden.file().tensors()) {
    if (name.find('.') != std::string::npos) {
      names.insert(name.substr(0, name.find('.')));
    }
  }
  return {names.begin(), names.end()};
}

INSTANTIATE_TEST_SUITE_P(BitsAndBytes, Nf4Golden, ::testing::ValuesIn(case_names()),
                         [](const auto& test) { return test.param; });

TEST_P(Nf4Golden, codes_and_absmax_are_those_of_bitsandbytes_bit_for_bit) {
  const Nf4 packed = Nf4::quantize((*this)["input"], /*double_quant=*/false);
  expect_same_bits(packed.parts().codes, (*this)["packed"]);
  expect_same_bits(packed.absmax(), (*this)["absmax"]);
}

TEST_P(Nf4Golden, dequantised_values_are_those_of_bitsandbytes_bit_for_bit) {
  const at::Tensor wanted = (*this)["dequantised"];
  at::Tensor found = at::empty_like(wanted);
  nf4_dequantize(span_of<const std::uint8_t>((*this)["packed"]), span_of<const float>((*this)["absmax"]),
                 span_of<float>(found));
  expect_same_bits(found, wanted);
  const at::Tensor input = (*this)["input"];
  const Nf4 packed = Nf4::quantize(input, false);
  expect_same_bits(dequantize(packed, at::kFloat), wanted.to(input.scalar_type()).to(at::kFloat));
}

TEST_P(Nf4Golden, double_quantisation_takes_the_byte_of_bitsandbytes_or_the_nearest_one) {
  const Nf4 packed = Nf4::quantize((*this)["input"], /*double_quant=*/true);
  expect_same_bits(packed.parts().nested_absmax, (*this)["absmax2"]);
  EXPECT_EQ(packed.parts().nested_offset, (*this)["offset"].item<float>());
  const at::Tensor map = Golden("nf4.safetensors")["nested_map"];
  const at::Tensor theirs = (*this)["nested_absmax"];
  const at::Tensor centred = (*this)["absmax"] - (*this)["offset"];
  for (std::int64_t i = 0; i < theirs.numel(); ++i) {
    const float scale = (*this)["absmax2"][i / kNestedBlock].item<float>();
    const float value = scale > 0 ? centred[i].item<float>() * (1.0F / scale) : 0.0F;
    const at::Tensor distance = (map - value).abs();
    const int ours = packed.parts().nested_codes[i].item<int>();
    EXPECT_TRUE(ours == theirs[i].item<int>() || distance[ours].item<float>() == distance.min().item<float>())
        << "block " << i << ": " << ours << " instead of " << theirs[i].item<int>();
  }
}

TEST_P(Nf4Golden, double_dequantised_values_are_those_of_bitsandbytes_bit_for_bit) {
  const at::Tensor nested = (*this)["nested_absmax"];
  const at::Tensor outer = (*this)["absmax2"];
  const cpu::Absmax absmax{nullptr, nested.data_ptr<std::uint8_t>(), outer.data_ptr<float>(),
                           (*this)["offset"].item<float>()};
  const at::Tensor wanted = (*this)["nested_dequantised"];
  at::Tensor found = at::empty_like(wanted);
  cpu::nf4_to_float((*this)["packed"].data_ptr<std::uint8_t>(), absmax, span_of<float>(found));
  expect_same_bits(found, wanted);
}

TEST(Nf4, codebook_is_the_map_of_bitsandbytes) {
  expect_same_bits(at::tensor(at::ArrayRef<float>(kNf4Codebook)), Golden("nf4.safetensors")["map"]);
}

TEST(Nf4, dynamic_map_is_that_of_bitsandbytes) {
  expect_same_bits(at::tensor(at::ArrayRef<float>(dynamic_map().data(), 256)),
                   Golden("nf4.safetensors")["nested_map"]);
}

}  // namespace
}  // namespace routedk::kernels
