#include "routedk/io/gguf.h"

#include "routedk/core/error.h"
#include "routedk/io/safetensors.h"

#include <cstring>
#include <functional>
#include <map>

#include "core/temporary_folder.h"
#include "io/binary_writer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using routedk::testing::little;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string text(const std::string& value) {
  return little<std::uint64_t>(value.size()) + value;
}

template <typename T>
std::string key(const std::string& name, std::uint32_t type, T value) {
  return text(name) + little(type) + little(value);
}

std::string array(const std::string& name, std::uint32_t type, std::uint64_t count,
                  const std::string& items) {
  return text(name) + little<std::uint32_t>(9) + little(type) + little(count) + items;
}

// A file in parts that a test may spoil. Dimensions stand in the file's order, fastest first.
struct Draft {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t tensor_count = 2;
  std::uint64_t key_count = 2;
  std::string keys = text("general.architecture") + little<std::uint32_t>(8) + text("llama") +
                     key<std::uint32_t>("general.alignment", 4, 16);
  std::vector<Tensor> tensors = {{"a", {3, 2}, 0, 0}, {"q", {32, 1}, 3, 32}};
  std::size_t data_bytes = 52;

  std::string bytes() const {
    std::string file = magic + little(version) + little(tensor_count) + little(key_count) + keys;
    for (const Tensor& tensor : tensors) {
      file += text(tensor.name) + little(static_cast<std::uint32_t>(tensor.dims.size()));
      for (const std::uint64_t dim : tensor.dims) {
        file += little(dim);
      }
      file += little(tensor.type) + little(tensor.offset);
    }
    file.resize((file.size() + 15) / 16 * 16);
    for (std::size_t i = 0; i < data_bytes; ++i) {
      file += static_cast<char>(i);
    }
    return file;
  }
};

std::string gguf_refusal(const std::function<void(Draft&)>& spoil) {
  Draft draft;
  spoil(draft);
  const TemporaryFolder folder;
  return message_of<FileError>([&] { GgufFile::open(folder.write("f.gguf", draft.bytes())); });
}

// The metadata of a file with these keys.
GgufFile open_keys(std::uint64_t count, const std::string& keys) {
  Draft draft;
  draft.key_count = count + 1;
  draft.keys = key<std::uint32_t>("general.alignment", 4, 16) + keys;
  const TemporaryFolder folder;
  return GgufFile::open(folder.write("f.gguf", draft.bytes()));
}

TEST(Gguf, tensors_have_row_major_shapes_and_their_own_bytes) {
  const TemporaryFolder folder;
  const GgufFile file = GgufFile::open(folder.write("f.gguf", Draft{}.bytes()));
  ASSERT_EQ(file.tensors().size(), 2U);
  const GgufTensor& a = file.tensor("a");
  EXPECT_EQ(a.type, GgmlType::kF32);
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.bytes.size(), 24U);
  EXPECT_EQ(std::to_integer<int>(a.bytes[0]), 0);
  const GgufTensor& q = file.tensor("q");
  EXPECT_EQ(q.type, GgmlType::kQ4_1);
  EXPECT_THAT(q.shape, ElementsAre(1, 32));
  EXPECT_EQ(q.bytes.size(), 20U);
  EXPECT_EQ(std::to_integer<int>(q.bytes[0]), 32);
  EXPECT_THAT(message_of<FileError>([&] { file.tensor("b"); }), HasSubstr("must hold the tensor `b`"));
}

TEST(Gguf, every_value_type_arrives) {
  const GgufFile file = open_keys(
      13, key<std::uint8_t>("u8", 0, 255) + key<std::int8_t>("i8", 1, -128) +
              key<std::uint16_t>("u16", 2, 65535) + key<std::int16_t>("i16", 3, -32768) +
              key<std::uint32_t>("u32", 4, 4294967295U) + key<std::int32_t>("i32", 5, -7) +
              key<std::uint64_t>("u64", 10, 1ULL << 62) + key<std::int64_t>("i64", 11, -9) +
              key<float>("f32", 6, 0.5F) + key<double>("f64", 12, 0.1) + key<std::uint8_t>("yes", 7, 1) +
              text("word") + little<std::uint32_t>(8) + text("a\n") + key<std::uint8_t>("no", 7, 0));
  EXPECT_EQ(file.integer("u8"), 255);
  EXPECT_EQ(file.integer("i8"), -128);
  EXPECT_EQ(file.integer("u16"), 65535);
  EXPECT_EQ(file.integer("i16"), -32768);
  EXPECT_EQ(file.integer("u32"), 4294967295);
  EXPECT_EQ(file.integer("i32"), -7);
  EXPECT_EQ(file.integer("u64"), std::int64_t{1} << 62);
  EXPECT_EQ(file.integer("i64"), -9);
  EXPECT_EQ(file.real("f32"), 0.5);
  EXPECT_EQ(file.real("f64"), 0.1);
  EXPECT_TRUE(file.boolean("yes"));
  EXPECT_FALSE(file.boolean("no"));
  EXPECT_EQ(file.text("word"), "a\n");
}

TEST(Gguf, arrays_of_every_kind_arrive) {
  const GgufFile file =
      open_keys(6, array("texts", 8, 2, text("x") + text("")) + array("ints", 5, 2, little(1) + little(-2)) +
                       array("bytes", 0, 1, little<std::uint8_t>(200)) + array("reals", 6, 1, little(0.25F)) +
                       array("flags", 7, 2, little<std::uint8_t>(1) + little<std::uint8_t>(0)) +
                       array("empty", 12, 0, ""));
  EXPECT_THAT(file.texts("texts"), ElementsAre("x", ""));
  EXPECT_THAT(file.integers("ints"), ElementsAre(1, -2));
  EXPECT_THAT(file.integers("bytes"), ElementsAre(200));
  EXPECT_THAT(file.integers("flags"), ElementsAre(1, 0));
  EXPECT_THAT(file.reals("reals"), ElementsAre(0.25));
  EXPECT_THAT(file.reals("empty"), ElementsAre());
}

TEST(Gguf, a_missing_key_and_one_of_another_type_are_named) {
  const GgufFile file = open_keys(1, key<std::uint32_t>("n", 4, 1));
  EXPECT_THAT(message_of<FileError>([&] { file.integer("m"); }),
              HasSubstr("must have the key `m`, but does not"));
  EXPECT_THAT(message_of<FileError>([&] { file.text("n"); }),
              HasSubstr("`n` must be a text, but is an integer instead"));
  EXPECT_TRUE(file.has("n"));
  EXPECT_FALSE(file.has("m"));
}

TEST(Gguf, a_file_cut_anywhere_is_refused) {
  const TemporaryFolder folder;
  const std::string whole = Draft{}.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(GgufFile::open(folder.write("f", whole.substr(0, size))), FileError) << size;
  }
}

TEST(Gguf, another_magic_or_version_is_refused) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.magic = "GGML"; }),
              HasSubstr("must begin with the magic GGUF and version 2 or 3"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.version = 4; }), HasSubstr("and 4 instead"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.version = 0x03000000; }), HasSubstr("and 50331648 instead"));
}

TEST(Gguf, counts_beyond_the_file_are_refused_before_allocation) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensor_count = ~0ULL; }),
              HasSubstr("the number of tensors must be at most"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.key_count = 1ULL << 60; }),
              HasSubstr("the number of keys must be at most"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = array("k", 8, 1ULL << 61, ""); }),
              HasSubstr("the number of items of k must be at most"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = little(~0ULL); }),
              HasSubstr("a key takes 18446744073709551615 bytes"));
  EXPECT_THAT(
      gguf_refusal([](Draft& d) { d.keys = text("k") + little<std::uint32_t>(8) + little(1ULL << 63); }),
      HasSubstr("k takes 9223372036854775808 bytes"));
}

TEST(Gguf, values_that_the_format_does_not_know_are_named_by_key) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = key<std::uint64_t>("k", 13, 0); }),
              HasSubstr("`k` must have a value type below 13, but has 13 instead"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = array("k", 99, 0, ""); }),
              HasSubstr("but has type 99 instead"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = array("k", 9, 1, ""); }),
              HasSubstr("is an array of arrays"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = key<std::uint8_t>("k", 7, 2); }),
              HasSubstr("the bool `k` must be 0 or 1"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = key("k", 10, ~0ULL); }),
              HasSubstr("`k` must be at most 2^63 - 1"));
}

TEST(Gguf, names_given_twice_are_refused) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.keys = key("k", 4, 1U) + key("k", 4, 1U); }),
              HasSubstr("the key `k` must occur once"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].name = "a"; }),
              HasSubstr("the tensor `a` must occur once"));
}

TEST(Gguf, a_bad_alignment_is_refused) {
  for (const std::uint32_t alignment : {0U, 4U, 24U}) {
    EXPECT_THAT(gguf_refusal([&](Draft& d) {
                  d.key_count = 1;
                  d.keys = key("general.alignment", 4, alignment);
                }),
                HasSubstr("`general.alignment` must be a power of two from 8 on"));
  }
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].offset = 24; }),
              HasSubstr("a multiple of 16, but has offset 24"));
}

TEST(Gguf, bad_shapes_are_refused) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[0].dims = {}; }),
              HasSubstr("`a` must have 1 to 4 dimensions, but has 0"));
  EXPECT_THAT(gguf_refusal([](Draft& d) {
                d.tensors[0].dims = {1, 1, 1, 1, 1};
              }),
              HasSubstr("but has 5 instead"));
  for (const auto& dims : {std::vector<std::uint64_t>{3, 0}, {~0ULL, 1}, {1ULL << 32, 1ULL << 32}}) {
    EXPECT_THAT(gguf_refusal([&](Draft& d) { d.tensors[0].dims = dims; }),
                HasSubstr("`a` must have positive dimensions"));
  }
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[0].dims = {1ULL << 62}; }),
              HasSubstr("`a` must have a 64-bit size"));
  EXPECT_THAT(gguf_refusal([](Draft& d) {
                d.tensors[1].dims = {16, 2};
              }),
              HasSubstr("the rows of `q` must be whole blocks of 32 elements, but have 16 instead"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].type = 14; }),
              HasSubstr("the rows of `q` must be whole blocks of 256 elements, but have 32 instead"));
}

TEST(Gguf, types_that_are_not_read_are_named) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[0].type = 10; }), HasSubstr("but is Q2_K instead"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[0].type = 4000; }),
              HasSubstr("but is type 4000 instead"));
}

TEST(Gguf, tensors_outside_the_data_or_over_each_other_are_refused) {
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].offset = 16; }),
              HasSubstr("`q` must be placed after the tensor that ends at 24"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].offset = 48; }),
              HasSubstr("within the 52 bytes of data"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[1].offset = ~0ULL - 15; }),
              HasSubstr("`q` must be placed after"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.tensors[0].dims = {1ULL << 61}; }), HasSubstr("must"));
}

TEST(Gguf, version_2_is_read_like_3) {
  Draft draft;
  draft.version = 2;
  const TemporaryFolder folder;
  EXPECT_EQ(GgufFile::open(folder.write("f.gguf", draft.bytes())).tensors().size(), 2U);
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.version = 1; }), HasSubstr("version 2 or 3"));
  EXPECT_THAT(gguf_refusal([](Draft& d) { d.version = 4; }), HasSubstr("version 2 or 3"));
}

/// Part `number` of two, from 0, with one tensor.
std::string part(std::uint16_t number, const std::string& tensor, std::uint16_t count = 2) {
  Draft draft;
  draft.key_count += 3;
  draft.keys += key<std::uint16_t>("split.no", 2, number) + key<std::uint16_t>("split.count", 2, count) +
                key<std::int32_t>("split.tensors.count", 5, 2);
  draft.tensor_count = 1;
  draft.tensors = {{tensor, {3, 2}, 0, 0}};
  draft.data_bytes = 24;
  return draft.bytes();
}

TEST(GgufParts, the_first_part_brings_the_tensors_of_all) {
  const TemporaryFolder folder;
  const auto first = folder.write("m-00001-of-00002.gguf", part(0, "a"));
  const auto second = folder.write("m-00002-of-00002.gguf", part(1, "b"));
  const GgufFile file = GgufFile::open(first);
  EXPECT_EQ(file.tensors().size(), 2U);
  EXPECT_EQ(file.tensor("b").mapping->path(), second);
  EXPECT_EQ(std::to_integer<int>(file.tensor("b").bytes[1]), 1);
}

TEST(GgufParts, a_part_that_is_missing_not_the_first_or_another_models_is_named) {
  const TemporaryFolder folder;
  const auto first = folder.write("m-00001-of-00002.gguf", part(0, "a"));
  const auto refused = [](const std::filesystem::path& path) {
    return message_of<FileError>([&] { GgufFile::open(path); });
  };
  EXPECT_THAT(refused(first), HasSubstr("m-00002-of-00002.gguf is missing"));
  const auto second = folder.write("m-00002-of-00002.gguf", part(1, "b"));
  EXPECT_THAT(refused(second),
              HasSubstr("is part 2 of 2: give the file that ends with -00001-of-00002.gguf"));
  folder.write("m-00002-of-00002.gguf", part(1, "b", 3));
  EXPECT_THAT(refused(first), HasSubstr("must be part 2 of 2, but its keys say part 2 of 3"));
  folder.write("m-00002-of-00002.gguf", part(1, "a"));
  EXPECT_THAT(refused(first), HasSubstr("the tensor `a` must be in one part"));
  EXPECT_THAT(refused(folder.write("other.gguf", part(0, "a"))),
              HasSubstr("its name must end with -00001-of-00002.gguf"));
}

TEST(Gguf, the_real_model_opens) {
  const GgufFile file = GgufFile::open(ROUTEDK_SOURCE_DIR "/.deps/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  std::map<std::string, int> types;
  for (const auto& [name, tensor] : file.tensors()) {
    ++types[std::string(name_of(tensor.type))];
  }
  EXPECT_THAT(types, ElementsAre(std::pair("F32", 61), std::pair("Q4_1", 210), std::pair("Q8_0", 1)));
  EXPECT_THAT(file.tensor("token_embd.weight").shape, ElementsAre(49152, 576));
  EXPECT_EQ(file.metadata().size(), 33U);
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.integer("llama.block_count"), 30);
  EXPECT_EQ(file.real("llama.rope.freq_base"), 100000);
  EXPECT_FALSE(file.boolean("tokenizer.ggml.add_bos_token"));
  EXPECT_EQ(file.texts("tokenizer.ggml.tokens").size(), 49152U);
  EXPECT_EQ(file.integers("tokenizer.ggml.token_type").size(), 49152U);
}

}  // namespace
}  // namespace routedk::io
