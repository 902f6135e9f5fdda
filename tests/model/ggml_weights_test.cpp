#include "routedk/core/error.h"
#include "routedk/model/backbone.h"

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include "support/ggml_gguf.h"
#include "support/tiny_llama.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::expect_close;
using testing::expect_equal;
using testing::GgufWriter;
using ::testing::HasSubstr;
using testing::is_ggml;
using testing::is_nf4;
using testing::logits_of;

/// The tiny Llama with queries, which are rotated, feed-forward, embedding and head in blocks; the rest F32.
class BlocksInGguf : public ::testing::Test {
 protected:
  BlocksInGguf() {
    testing::put_blocks(gguf_, "blk.0.attn_q.weight", io::GgmlType::kQ4_1, 32, 32);
    testing::put_blocks(gguf_, "blk.1.ffn_up.weight", io::GgmlType::kQ8_0, 48, 32);
    testing::put_blocks(gguf_, "token_embd.weight", io::GgmlType::kQ5_0, 40, 32);
    testing::put_blocks(gguf_, "output.weight", io::GgmlType::kQ4_0, 40, 32);
  }

  Backbone load(Quant quant, kernels::Precision precision = kernels::Precision::kFloat32) const {
    const testing::TemporaryFolder folder;
    gguf_.save(folder / "tiny.gguf");
    return Backbone::load(folder / "tiny.gguf", {.quant = quant, .precision = precision});
  }

  GgufWriter gguf_ = testing::tiny_llama();
};

TEST_F(BlocksInGguf, are_kept_and_what_is_dense_stays_dense_under_keep) {
  const Backbone kept = load(Quant::kKeep);
  EXPECT_TRUE(is_ggml(kept.layers()[0][Linear::kQ].weight()));
  EXPECT_TRUE(is_ggml(kept.layers()[1][Linear::kUp].weight()));
  EXPECT_TRUE(is_ggml(kept.embedding()) && is_ggml(kept.head().weight()));
  EXPECT_TRUE(std::holds_alternative<kernels::Dense>(kept.layers()[0][Linear::kUp].weight()));
}

TEST_F(BlocksInGguf, give_the_logits_of_the_decoded_model) {
  const at::Tensor dense = logits_of(load(Quant::kNone), {{3, 1, 4, 1, 5}});
  expect_close(logits_of(load(Quant::kKeep), {{3, 1, 4, 1, 5}}), dense,
               testing::share_of_largest(dense, 1e-5));
}

/// A decoded embedding is rounded, one in blocks is not.
TEST_F(BlocksInGguf, give_the_logits_of_the_decoded_model_in_bfloat16) {
  const at::Tensor dense = logits_of(load(Quant::kNone, kernels::Precision::kBFloat16), {{3, 1, 4, 1, 5}});
  expect_close(logits_of(load(Quant::kKeep, kernels::Precision::kBFloat16), {{3, 1, 4, 1, 5}}), dense,
               testing::share_of_largest(dense, 3e-2));
}

TEST_F(BlocksInGguf, are_kept_and_what_is_dense_becomes_nf4_under_auto) {
  const Backbone held = load(Quant::kAuto);
  EXPECT_TRUE(is_ggml(held.layers()[0][Linear::kQ].weight()));
  EXPECT_TRUE(is_nf4(held.layers()[0][Linear::kUp]));
}

TEST_F(BlocksInGguf, are_quantised_again_under_nf4_but_for_embedding_and_head) {
  const Backbone held = load(Quant::kNf4);
  const kernels::Weight decoded = load(Quant::kNone).layers()[0][Linear::kQ].weight();
  const auto again = kernels::Nf4::quantize(std::get<kernels::Dense>(decoded).values, true);
  ASSERT_TRUE(is_nf4(held.layers()[0][Linear::kQ]));
  expect_equal(kernels::dequantize(held.layers()[0][Linear::kQ].weight(), at::kFloat),
               kernels::dequantize(again, at::kFloat));
  EXPECT_TRUE(is_ggml(held.embedding()) && is_ggml(held.head().weight()));
}

TEST_F(BlocksInGguf, take_the_bytes_that_they_take_in_the_file) {
  EXPECT_EQ(load(Quant::kKeep).layers()[0][Linear::kQ].bytes(), 32 * 20);
  EXPECT_EQ(kernels::bytes(load(Quant::kKeep).embedding()), 40 * 22);
}

TEST_F(BlocksInGguf, whose_scales_are_not_finite_are_refused_by_name) {
  std::string bytes(48 * 34, '\0');
  bytes[34 * 7 + 1] = '\x7c';  // of block 7: infinity
  gguf_.blocks("blk.1.ffn_up.weight", {48, 32}, 8, bytes);
  for (const Quant quant : {Quant::kKeep, Quant::kNf4, Quant::kNone}) {
    EXPECT_THAT(testing::message_of<FileError>([&] { load(quant); }),
                AllOf(HasSubstr("`blk.1.ffn_up.weight`"), HasSubstr("finite")));
  }
}

TEST_F(BlocksInGguf, of_another_shape_are_refused_by_name) {
  testing::put_blocks(gguf_, "blk.1.ffn_up.weight", io::GgmlType::kQ8_0, 47, 32);
  EXPECT_THAT(testing::message_of<FileError>([&] { load(Quant::kAuto); }),
              AllOf(HasSubstr("`blk.1.ffn_up.weight`"), HasSubstr("[48,32]"), HasSubstr("[47,32]")));
}

TEST_F(BlocksInGguf, of_a_type_that_is_not_supported_are_refused_by_name_and_type) {
  gguf_.blocks("blk.1.ffn_up.weight", {48, 256}, 10, std::string(48 * 84, '\0'));
  EXPECT_THAT(testing::message_of<FileError>([&] { load(Quant::kAuto); }),
              AllOf(HasSubstr("`blk.1.ffn_up.weight`"), HasSubstr("Q2_K")));
}

}  // namespace
}  // namespace routedk::model
