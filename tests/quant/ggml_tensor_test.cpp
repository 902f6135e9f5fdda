#include "routedk/quant/ggml_tensor.h"

#include "routedk/kernels/cpu/int8.h"
#include "routedk/kernels/linear.h"

#include "support/expect_close.h"
#include "support/ggml_matrix.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::quant {
namespace {

using kernels::GgmlBlocks;
using kernels::GgmlType;
using testing::expect_close;
using testing::expect_equal;

TEST(BlockType, is_named_as_in_the_file_and_laid_out_alike) {
  for (const io::GgmlType type :
       {io::GgmlType::kQ4_0, io::GgmlType::kQ4_1, io::GgmlType::kQ5_0, io::GgmlType::kQ5_1,
        io::GgmlType::kQ8_0, io::GgmlType::kQ4_K, io::GgmlType::kQ5_K, io::GgmlType::kQ6_K}) {
    const auto found = block_type(type);
    ASSERT_TRUE(found) << name_of(type);
    EXPECT_EQ(name_of(*found), name_of(type));
    EXPECT_EQ(layout_of(*found).elements, io::ggml_block(type).elements);
    EXPECT_EQ(layout_of(*found).bytes, static_cast<std::int64_t>(io::ggml_block(type).bytes));
  }
  for (const io::GgmlType type : {io::GgmlType::kF32, io::GgmlType::kF16, io::GgmlType::kBF16}) {
    EXPECT_FALSE(block_type(type)) << name_of(type);
  }
}

/// Every type beside what the gguf package and numpy make of it.
class GgmlGrid : public ::testing::TestWithParam<GgmlType> {
 protected:
  at::Tensor golden(const std::string& name) const {
    return golden_[std::string(name_of(GetParam())) + "." + name];
  }

  const testing::Golden golden_{"ggml_grid.safetensors"};
  const GgmlBlocks blocks_{GetParam(), golden("blocks")};
};
INSTANTIATE_TEST_SUITE_P(Types, GgmlGrid, ::testing::ValuesIn(testing::kGgmlTypes), testing::kGgmlName);

TEST_P(GgmlGrid, multiplies_forward_and_backward_as_in_double_precision) {
  const at::Tensor y = golden("y");
  const at::Tensor dx = golden("dx");
  expect_close(kernels::multiply(golden("x"), blocks_).to(at::kDouble), y,
               testing::share_of_largest(y, 1e-6));
  expect_close(kernels::multiply_backward(golden("dy"), blocks_).to(at::kDouble), dx,
               testing::share_of_largest(dx, 1e-6));
}

TEST_P(GgmlGrid, multiplies_in_8_bits_but_for_the_rounding_of_activations) {
  const at::Tensor x = golden("x");
  const auto panels = kernels::cpu::Int8Panels::from(blocks_, kernels::cpu::Int8Panels::block_of(blocks_));
  kernels::cpu::Int8Rows rows(panels.block());
  rows.resize(x.size(0), x.size(1));
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    rows.quantize(r, x[r].const_data_ptr<float>());
  }
  at::Tensor y = at::empty({x.size(0), panels.out()}, at::kFloat);
  const kernels::cpu::Int8Panels::Term term{&panels, &rows};
  kernels::cpu::Int8Panels::multiply({&term, 1}, {0, panels.panels()}, y.mutable_data_ptr<float>(),
                                     panels.out());
  const at::Tensor wanted = golden("y");
  EXPECT_LT(((y - wanted).norm() / wanted.norm()).item<double>(), 0.01);
}

TEST(GgmlValues, every_type_decodes_to_the_values_of_the_gguf_package_with_any_scales) {
  const testing::Golden golden("ggml_blocks.safetensors");
  for (const GgmlType type : testing::kGgmlTypes) {
    const std::string name(name_of(type));
    const GgmlBlocks blocks(type, golden[name + ".blocks"].view({1, -1}));
    SCOPED_TRACE(name);
    expect_equal(kernels::dequantize(blocks, at::kFloat).view(-1), golden[name + ".values"]);
  }
}

TEST(GgmlValues, a_row_of_the_real_model_decodes_to_the_values_of_the_gguf_package) {
  const auto model = io::GgufFile::open(ROUTEDK_SOURCE_DIR "/.deps/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  const io::GgufTensor& tensor = model.tensor("blk.0.attn_q.weight");
  const auto blocks = borrow_blocks(tensor, tensor.mapping);
  ASSERT_TRUE(blocks);
  expect_equal(kernels::dequantize(*blocks, at::kFloat)[-1],
               testing::Golden("ggml_blocks.safetensors")["attn_q"]);
}

/// Tensors of the golden as a GGUF file has them.
class GgufTensors : public ::testing::Test {
 protected:
  io::GgufTensor tensor(io::GgmlType type) const {
    const std::string name(name_of(type));
    const io::TensorView& blocks = golden_.file().at(name + ".blocks");
    return {name, type, golden_[name + ".values"].sizes().vec(), blocks.bytes, golden_.file().mapping()};
  }

  const testing::Golden golden_{"ggml_blocks.safetensors"};
};

TEST_F(GgufTensors, that_are_dense_have_the_values_of_the_gguf_package) {
  for (const auto type : {io::GgmlType::kF32, io::GgmlType::kF16, io::GgmlType::kBF16}) {
    SCOPED_TRACE(name_of(type));
    const io::GgufTensor dense = tensor(type);
    EXPECT_FALSE(borrow_blocks(dense, dense.mapping));
    expect_equal(dense_values(dense), golden_[dense.name + ".values"]);
  }
}

TEST_F(GgufTensors, that_are_vectors_in_blocks_are_one_row) {
  const io::GgufTensor vector = tensor(io::GgmlType::kQ4_K);
  EXPECT_THROW(dense_values(vector), Error);
  const auto blocks = borrow_blocks(vector, vector.mapping);
  ASSERT_TRUE(blocks);
  expect_equal(kernels::dequantize(*blocks, at::kFloat)[0], golden_["Q4_K.values"]);
}

}  // namespace
}  // namespace routedk::quant
