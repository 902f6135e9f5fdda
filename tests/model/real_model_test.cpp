#include "support/real_model.h"

#include "support/expect_close.h"
#include "support/forward.h"
#include "support/goldens.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using testing::ids_of;

/// The logits of the golden's prompt and the tokens that follow it, in one pass: row 299 + i predicts greedy
/// token i from the prompt and the greedy tokens before it.
class GoldenLogits : public testing::RealModel {
 protected:
  const at::Tensor& logits() {
    static const at::Tensor all =
        testing::logits_of(*testing::real_model(), {ids_of(at::cat({golden_["ids"], golden_["greedy"]}))});
    return all;
  }
  std::int64_t prompt() { return golden_["ids"].size(0); }

  testing::Golden golden_{"smollm2_logits.safetensors"};
};

TEST_F(GoldenLogits, are_within_a_thousandth_of_transformers_over_the_whole_vocabulary) {
  testing::expect_close(logits()[prompt() - 1], golden_["last_logits"], {0.0, 1e-3});
}

TEST_F(GoldenLogits, are_within_a_thousandth_of_transformers_at_other_positions) {
  const at::Tensor rows = logits().index_select(0, golden_["top_positions"]);
  testing::expect_close(rows.gather(1, golden_["top_ids"]), golden_["top_logits"], {0.0, 1e-3});
}

TEST_F(GoldenLogits, give_the_32_greedy_tokens_of_transformers) {
  const at::Tensor greedy = golden_["greedy"];
  const at::Tensor found = logits().narrow(0, prompt() - 1, greedy.size(0)).argmax(-1);
  EXPECT_EQ(ids_of(found), ids_of(greedy));
}

TEST_F(GoldenLogits, of_the_files_own_blocks_are_those_of_transformers_in_no_more_memory_than_the_file) {
  const Backbone kept = Backbone::load(testing::real_model_path(), LoadOptions{});
  const at::Tensor found = testing::logits_of(kept, {ids_of(at::cat({golden_["ids"], golden_["greedy"]}))});
  testing::expect_close(found[prompt() - 1], golden_["last_logits"], {0.0, 1e-3});
  testing::expect_close(found, logits(), {0.0, 1e-4});
  EXPECT_LE(kept.bytes(), static_cast<std::int64_t>(std::filesystem::file_size(testing::real_model_path())));
}

TEST_F(GoldenLogits, of_nf4_linears_stay_close_while_the_linears_shrink_to_an_eighth) {
  const Backbone packed = Backbone::load(testing::real_model_path(), LoadOptions{.quant = Quant::kNf4});
  std::int64_t dense_bytes = 0;
  std::int64_t packed_bytes = 0;
  for (std::size_t layer = 0; layer < packed.layers().size(); ++layer) {
    for (std::size_t i = 0; i < kLinears; ++i) {
      dense_bytes += testing::real_model()->layers()[layer].linears[i].bytes();
      packed_bytes += packed.layers()[layer].linears[i].bytes();
    }
  }
  EXPECT_LT(static_cast<double>(packed_bytes), 0.13 * static_cast<double>(dense_bytes));
  const at::Tensor found = testing::logits_of(packed, {ids_of(golden_["ids"])})[prompt() - 1];
  const at::Tensor both = at::stack({found, golden_["last_logits"]});
  EXPECT_GT(at::corrcoef(both)[0][1].item<double>(), 0.9);
}

}  // namespace
}  // namespace routedk::model
