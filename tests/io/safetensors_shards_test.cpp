#include "routedk/io/safetensors_shards.h"

#include "routedk/core/error.h"

#include <array>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using routedk::testing::entries_of;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::HasSubstr;

constexpr std::array<std::uint8_t, 4> kBytes = {1, 2, 3, 4};

TensorView bytes_named(const std::string& name, std::int64_t size = 4) {
  return {name, Dtype::kU8, {size}, std::as_bytes(std::span(kBytes)).first(static_cast<std::size_t>(size))};
}

void write_shard(const TemporaryFolder& folder, const std::string& file,
                 const std::vector<std::string>& tensors) {
  std::vector<TensorView> views;
  for (const std::string& name : tensors) {
    views.push_back(bytes_named(name));
  }
  write_safetensors(folder / file, views);
}

// A folder of two shards, a and b, and what opening it says under another index.
std::string index_refusal(const std::string& index) {
  const TemporaryFolder folder;
  write_shard(folder, "one.safetensors", {"a"});
  write_shard(folder, "two.safetensors", {"b"});
  folder.write("model.safetensors.index.json", index);
  return message_of<FileError>([&] { SafetensorsShards::open(folder.path()); });
}

std::string index_of(const std::string& map) {
  return R"({"metadata":{},"weight_map":)" + map + "}";
}

TEST(SafetensorsShards, tensors_of_all_shards_are_found_by_name) {
  const TemporaryFolder folder;
  write_shard(folder, "one.safetensors", {"a", "c"});
  write_shard(folder, "two.safetensors", {"b"});
  folder.write("model.safetensors.index.json",
               index_of(R"({"a":"one.safetensors","b":"two.safetensors","c":"one.safetensors"})"));
  const auto shards = SafetensorsShards::open(folder.path());
  EXPECT_EQ(shards.tensors().size(), 3U);
  EXPECT_EQ(shards.file_of("b")->path().filename(), "two.safetensors");
  EXPECT_EQ(shards.at("c").bytes.size(), 4U);
  EXPECT_THAT(message_of<FileError>([&] { shards.at("d"); }), HasSubstr("must hold the tensor `d`"));
}

TEST(SafetensorsShards, a_folder_without_weights_names_both_files_it_may_have) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<FileError>([&] { SafetensorsShards::open(folder.path()); }),
              HasSubstr("must hold model.safetensors or model.safetensors.index.json"));
}

TEST(SafetensorsShards, a_missing_shard_is_named) {
  EXPECT_THAT(index_refusal(index_of(R"({"a":"one.safetensors","b":"three.safetensors"})")),
              HasSubstr("three.safetensors"));
}

TEST(SafetensorsShards, a_tensor_that_its_shard_lacks_is_named) {
  EXPECT_THAT(index_refusal(index_of(R"({"a":"one.safetensors","b":"one.safetensors"})")),
              HasSubstr("must hold the tensor `b`"));
}

TEST(SafetensorsShards, a_tensor_in_two_shards_or_in_none_of_the_index_is_refused) {
  const TemporaryFolder folder;
  write_shard(folder, "one.safetensors", {"a"});
  write_shard(folder, "two.safetensors", {"a", "b"});
  folder.write("model.safetensors.index.json", index_of(R"({"a":"one.safetensors","b":"two.safetensors"})"));
  EXPECT_THAT(
      message_of<FileError>([&] { SafetensorsShards::open(folder.path()); }),
      HasSubstr("`a` must be only in the shard that model.safetensors.index.json lists for it, but is "
                "also in two.safetensors"));
  folder.write("model.safetensors.index.json", index_of(R"({"b":"two.safetensors"})"));
  EXPECT_THAT(message_of<FileError>([&] { SafetensorsShards::open(folder.path()); }), HasSubstr("`a`"));
}

TEST(SafetensorsShards, an_index_that_reaches_out_of_the_folder_is_refused) {
  for (const char* name : {"../one.safetensors", "/tmp/one.safetensors", "sub/one.safetensors", "..",
                           ".safetensors", "model.safetensors.index.json", ""}) {
    EXPECT_THAT(index_refusal(index_of(R"({"a":")" + std::string(name) + "\"}")),
                HasSubstr("a shard must be a file NAME.safetensors of the same folder"))
        << name;
  }
}

TEST(SafetensorsShards, shards_that_link_in_a_circle_are_refused) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("two.safetensors", folder / "one.safetensors");
  std::filesystem::create_symlink("one.safetensors", folder / "two.safetensors");
  folder.write("model.safetensors.index.json", index_of(R"({"a":"one.safetensors"})"));
  EXPECT_THAT(message_of<FileError>([&] { SafetensorsShards::open(folder.path()); }),
              HasSubstr("one.safetensors must be a readable file"));
}

TEST(SafetensorsShards, an_index_that_is_none_is_refused) {
  EXPECT_THAT(index_refusal("[]"), HasSubstr("the index must be a JSON object"));
  EXPECT_THAT(index_refusal("{"), HasSubstr("the index must be JSON"));
  EXPECT_THAT(index_refusal("{}"), HasSubstr("`weight_map` must be an object"));
  EXPECT_THAT(index_refusal(index_of("{}")), HasSubstr("`weight_map` must be an object"));
  EXPECT_THAT(index_refusal(index_of(R"({"a":1})")), HasSubstr("the shard of `a` must be a text"));
  EXPECT_THAT(index_refusal(index_of(R"({"a":"one.safetensors","a":"two.safetensors"})")),
              HasSubstr("the index must have each key of an object once, but has `a` twice"));
}

TEST(SafetensorsShards, rotary_buffers_may_be_anywhere_whatever_the_index_says) {
  const TemporaryFolder folder;
  const std::vector<TensorView> tensors = {bytes_named("x"), bytes_named("l.0.rotary_emb.inv_freq")};
  write_safetensors(folder / "one.safetensors", tensors);
  for (const char* map : {R"({"x": "one.safetensors"})",
                          R"({"x": "one.safetensors", "l.0.rotary_emb.inv_freq": "one.safetensors"})",
                          R"({"x": "one.safetensors", "l.0.rotary_emb.inv_freq": "gone.safetensors"})"}) {
    folder.write("model.safetensors.index.json", std::string(R"({"weight_map": )") + map + "}");
    EXPECT_EQ(SafetensorsShards::open(folder.path()).tensors().size(), 1U) << map;
  }
}

TEST(ShardWriter, what_fits_is_one_file_and_what_does_not_is_read_back_from_shards) {
  for (const std::uint64_t limit : {100U, 8U, 4U, 1U}) {
    const TemporaryFolder folder;
    const std::vector<TensorView> tensors = {bytes_named("x"), bytes_named("y", 3), bytes_named("z")};
    ShardWriter writer(folder.path(), tensors, limit);
    for (const TensorView& tensor : tensors) {
      writer.append(tensor);
    }
    writer.finish();
    EXPECT_EQ(entries_of(folder.path()), limit == 100 ? 1 : limit == 8 ? 3 : 4);
    const auto shards = SafetensorsShards::open(folder.path());
    EXPECT_EQ(shards.tensors().size(), 3U);
    for (const TensorView& tensor : tensors) {
      EXPECT_TRUE(std::ranges::equal(shards.at(tensor.name).bytes, tensor.bytes)) << tensor.name;
    }
  }
}

TEST(ShardWriter, tensors_out_of_order_or_missing_are_refused_and_leave_nothing) {
  const TemporaryFolder folder;
  {
    ShardWriter writer(folder.path(), {bytes_named("x"), bytes_named("y")}, 100);
    EXPECT_THROW(writer.append(bytes_named("y")), Error);
    EXPECT_THROW(writer.append(bytes_named("x", 3)), Error);
    writer.append(bytes_named("x"));
    EXPECT_THROW(writer.finish(), Error);
  }
  EXPECT_EQ(entries_of(folder.path()), 0);
}

}  // namespace
}  // namespace routedk::io
