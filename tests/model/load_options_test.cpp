#include "routedk/model/load_options.h"

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

TEST(LoadOptions, auto_and_nf4_pack_what_is_dense_and_keep_leaves_it) {
  EXPECT_TRUE(held_in_nf4(Quant::kAuto, Storage::kDense));
  EXPECT_TRUE(held_in_nf4(Quant::kNf4, Storage::kDense));
  EXPECT_FALSE(held_in_nf4(Quant::kKeep, Storage::kDense));
}

TEST(LoadOptions, what_is_packed_stays_packed_except_under_none) {
  for (const auto& [quant, name] : enum_names(Quant{})) {
    EXPECT_EQ(held_in_nf4(quant, Storage::kNf4), quant != Quant::kNone) << name;
    EXPECT_FALSE(held_in_nf4(quant, Storage::kExcepted)) << name;
  }
  EXPECT_FALSE(held_in_nf4(Quant::kNone, Storage::kDense));
}

TEST(LoadOptions, auto_and_cpu_are_the_cpu_and_cuda_is_refused_without_it) {
  EXPECT_EQ(parse_device("model.device", "auto"), at::kCPU);
  EXPECT_EQ(parse_device("model.device", "cpu"), at::kCPU);
  EXPECT_EQ(testing::message_of<ConfigError>([] { parse_device("model.device", "cuda"); }),
            "`model.device` must be cpu in a build without CUDA, but is `cuda` instead");
}

TEST(LoadOptions, other_words_are_no_device) {
  EXPECT_TRUE(names_device("cuda:7"));
  for (const char* word : {"", "CPU", "tpu", "cuda:", "cuda:-1", "cuda:x", "cuda:256", "cpu:0"}) {
    EXPECT_FALSE(names_device(word)) << word;
  }
}

}  // namespace
}  // namespace routedk::model
