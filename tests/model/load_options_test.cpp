#include "routedk/model/load_options.h"

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

TEST(LoadOptions, auto_and_nf4_pack_what_is_dense_and_keep_leaves_it) {
  EXPECT_EQ(held_as(Quant::kAuto, Storage::kDense), Held::kNf4);
  EXPECT_EQ(held_as(Quant::kNf4, Storage::kDense), Held::kNf4);
  EXPECT_EQ(held_as(Quant::kKeep, Storage::kDense), Held::kStored);
}

TEST(LoadOptions, what_is_packed_stays_as_it_is_unless_nf4_or_none_is_forced) {
  EXPECT_EQ(held_as(Quant::kAuto, Storage::kPacked), Held::kStored);
  EXPECT_EQ(held_as(Quant::kKeep, Storage::kPacked), Held::kStored);
  EXPECT_EQ(held_as(Quant::kNf4, Storage::kPacked), Held::kNf4);
}

TEST(LoadOptions, what_a_folder_excepts_is_never_packed_and_none_packs_nothing) {
  for (const auto& [quant, name] : enum_names(Quant{})) {
    EXPECT_NE(held_as(quant, Storage::kExcepted), Held::kNf4) << name;
  }
  for (const Storage storage : {Storage::kDense, Storage::kPacked, Storage::kExcepted}) {
    EXPECT_EQ(held_as(Quant::kNone, storage), Held::kDense);
  }
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
