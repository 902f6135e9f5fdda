#include "routedk/core/error.h"
#include "routedk/io/gguf.h"
#include "routedk/io/safetensors.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

SafetensorsFile golden() {
  return SafetensorsFile::open(ROUTEDK_SOURCE_DIR "/tests/goldens/ggml_blocks.safetensors");
}

// The bits of fp32 values: a comparison that tells zeros of both signs apart.
std::vector<std::uint32_t> bits_of(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> bits(bytes.size() / 4);
  std::memcpy(bits.data(), bytes.data(), bytes.size());
  return bits;
}

std::vector<std::uint32_t> decoded_bits(GgmlType type, std::span<const std::byte> blocks, std::size_t count) {
  std::vector<float> values(count);
  ggml_dequantize(type, blocks, values);
  return bits_of(std::as_bytes(std::span(values)));
}

TEST(GgmlBlocks, every_type_decodes_to_the_bits_of_the_gguf_package) {
  const SafetensorsFile file = golden();
  for (const GgmlType type :
       {GgmlType::kF32, GgmlType::kF16, GgmlType::kBF16, GgmlType::kQ8_0, GgmlType::kQ4_0, GgmlType::kQ4_1,
        GgmlType::kQ5_0, GgmlType::kQ5_1, GgmlType::kQ4_K, GgmlType::kQ5_K, GgmlType::kQ6_K}) {
    const std::string name = ggml_type_name(type);
    const TensorView& values = file.at(name + ".values");
    const std::vector<std::uint32_t> expected = bits_of(values.bytes);
    EXPECT_EQ(decoded_bits(type, file.at(name + ".blocks").bytes, expected.size()), expected) << name;
  }
}

TEST(GgmlBlocks, a_row_of_the_real_model_decodes_to_the_bits_of_the_gguf_package) {
  const GgufFile model = GgufFile::open(ROUTEDK_SOURCE_DIR "/.deps/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  const GgufTensor& tensor = model.tensor("blk.0.attn_q.weight");
  const std::size_t row_bytes = 576 / 32 * 20;
  const auto row = tensor.bytes.subspan(tensor.bytes.size() - row_bytes);
  EXPECT_EQ(decoded_bits(tensor.type, row, 576), bits_of(golden().at("attn_q").bytes));
}

TEST(GgmlBlocks, sizes_that_do_not_fit_are_refused) {
  const std::vector<std::byte> blocks(40);
  std::vector<float> out(64);
  EXPECT_NO_THROW(ggml_dequantize(GgmlType::kQ4_1, blocks, out));
  EXPECT_THROW(ggml_dequantize(GgmlType::kQ4_1, std::span(blocks).first(39), out), Error);
  EXPECT_THROW(ggml_dequantize(GgmlType::kQ4_1, blocks, std::span(out).first(63)), Error);
  EXPECT_THROW(ggml_dequantize(GgmlType::kQ4_1, blocks, std::span(out).first(32)), Error);
}

}  // namespace
}  // namespace routedk::io
