#include "routedk/io/safetensors.h"

#include "routedk/core/error.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/temporary_folder.h"
#include "io/binary_writer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using routedk::testing::content_of;
using routedk::testing::entries_of;
using routedk::testing::little;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return little<std::uint64_t>(header.size()) + header + std::string(data_bytes, '\1');
}

// What opening a file of that content says.
std::string refusal(const std::string& content) {
  const TemporaryFolder folder;
  return message_of<FileError>([&] { SafetensorsFile::open(folder.write("f", content)); });
}

std::string refusal(const std::string& header, std::size_t data_bytes) {
  return refusal(file_of(header, data_bytes));
}

TEST(Safetensors, a_file_of_the_python_package_is_read) {
  const auto file = SafetensorsFile::open(ROUTEDK_SOURCE_DIR "/tests/goldens/ggml_blocks.safetensors");
  EXPECT_THAT(file.metadata(), ElementsAre(std::pair("made_by", "make_ggml_blocks.py")));
  EXPECT_EQ(file.tensors().size(), 25U);
  EXPECT_EQ(file.at("empty").dtype, Dtype::kI64);
  EXPECT_THAT(file.at("empty").shape, ElementsAre(0, 3));
  const TensorView& matrix = file.at("matrix");
  EXPECT_EQ(matrix.dtype, Dtype::kI32);
  EXPECT_THAT(matrix.shape, ElementsAre(2, 3));
  const std::string bytes(reinterpret_cast<const char*>(matrix.bytes.data()), matrix.bytes.size());
  EXPECT_EQ(bytes, little(0) + little(1) + little(2) + little(3) + little(4) + little(5));
}

TEST(Safetensors, what_is_written_is_read_back_with_nan_and_infinity) {
  const TemporaryFolder folder;
  const std::array<float, 3> values = {std::nanf("7"), std::numeric_limits<float>::infinity(), -0.0F};
  const std::array<std::int8_t, 5> small = {1, -2, 3, -4, 5};
  const std::vector<TensorView> tensors = {
      {"b \"\n\xC3\xA9", Dtype::kI8, {5}, std::as_bytes(std::span(small))},
      {"scalar", Dtype::kF32, {}, std::as_bytes(std::span(values).first(1))},
      {"a", Dtype::kF32, {3, 1}, std::as_bytes(std::span(values))},
      {"none", Dtype::kBF16, {0, 4}, {}}};
  write_safetensors(folder / "f", tensors, {{"format", "pt"}});
  const auto file = SafetensorsFile::open(folder / "f");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const TensorView& view : tensors) {
    const TensorView& back = file.at(view.name);
    EXPECT_EQ(back.dtype, view.dtype);
    EXPECT_EQ(back.shape, view.shape);
    EXPECT_TRUE(std::ranges::equal(back.bytes, view.bytes)) << view.name;
  }
  EXPECT_THAT(file.metadata(), ElementsAre(std::pair("format", "pt")));
  EXPECT_EQ(entries_of(folder.path()), 1);
}

TEST(Safetensors, the_bytes_written_are_the_formats) {
  const TemporaryFolder folder;
  const std::array<std::uint8_t, 2> values = {8, 9};
  write_safetensors(folder / "f",
                    std::array{TensorView{"x", Dtype::kU8, {2}, std::as_bytes(std::span(values))}});
  const std::string header = R"({"x":{"data_offsets":[0,2],"dtype":"U8","shape":[2]}})";
  EXPECT_EQ(content_of(folder / "f"),
            little<std::uint64_t>(56) + header + std::string(56 - header.size(), ' ') + "\x8\x9");
}

TEST(Safetensors, views_that_contradict_themselves_are_not_written) {
  const TemporaryFolder folder;
  const std::array<std::uint8_t, 2> values = {8, 9};
  const TensorView good{"x", Dtype::kU8, {2}, std::as_bytes(std::span(values))};
  TensorView bad = good;
  bad.shape = {3};
  EXPECT_THROW(write_safetensors(folder / "f", std::array{bad}), Error);
  EXPECT_THROW(write_safetensors(folder / "f", std::array{good, good}), Error);
  EXPECT_EQ(entries_of(folder.path()), 0);
}

TEST(Safetensors, a_missing_tensor_is_named) {
  const TemporaryFolder folder;
  const auto file = SafetensorsFile::open(folder.write("f", file_of("{}", 0)));
  EXPECT_THAT(message_of<FileError>([&] { file.at("w"); }), HasSubstr("must hold the tensor `w`"));
}

TEST(Safetensors, a_file_cut_anywhere_is_refused) {
  const TemporaryFolder folder;
  const std::string whole = file_of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  EXPECT_NO_THROW(SafetensorsFile::open(folder.write("f", whole)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(SafetensorsFile::open(folder.write("f", whole.substr(0, size))), FileError) << size;
  }
}

TEST(Safetensors, a_wild_header_length_is_refused_before_anything_is_read) {
  EXPECT_THAT(refusal(little<std::uint64_t>(~0ULL) + "{}"),
              HasSubstr("but claims 18446744073709551615 instead"));
  EXPECT_THAT(refusal(little<std::uint64_t>(3) + "{}"), HasSubstr("must have at most 2 bytes, but claims 3"));
  const TemporaryFolder folder;
  const auto path = folder.write("f", little<std::uint64_t>(100'000'001) + "{}");
  std::filesystem::resize_file(path, 200'000'000);
  EXPECT_THAT(message_of<FileError>([&] { SafetensorsFile::open(path); }),
              HasSubstr("must have at most 100000000 bytes, but claims 100000001"));
}

TEST(Safetensors, a_header_that_is_no_json_object_is_refused) {
  EXPECT_THAT(refusal("{\"x\"", 0), HasSubstr("the header must be JSON"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("the header must be a JSON object"));
  EXPECT_THAT(refusal("", 0), HasSubstr("the header must be JSON"));
  EXPECT_THAT(refusal("{\"\xFF\":1}", 0), HasSubstr("the header must be JSON"));
  EXPECT_THAT(refusal(std::string(100000, '['), 0), HasSubstr("the header must nest"));
}

TEST(Safetensors, a_tensor_of_very_many_dimensions_is_refused) {
  std::string ones = "1";
  for (int i = 0; i < 100; ++i) {
    ones += ",1";
  }
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[)" + ones + R"(],"data_offsets":[0,1]}})", 1),
              HasSubstr("must have at most 8 dimensions"));
}

TEST(Safetensors, a_repeated_key_is_refused_at_any_depth) {
  const std::string entry = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(refusal(R"({"x":)" + entry + R"(,"x":)" + entry + "}", 1),
              HasSubstr("the header must have each key of an object once, but has `x` twice"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("but has `dtype` twice"));
}

TEST(Safetensors, gaps_overlaps_and_spare_bytes_are_refused) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"x":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"y":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_THAT(refusal(two("[0,4]", "[5,9]"), 9),
              HasSubstr("`y` must begin where the tensor before it ends, at 4"));
  EXPECT_THAT(refusal(two("[0,4]", "[3,7]"), 7), HasSubstr("`y` must begin"));
  EXPECT_THAT(refusal(two("[0,4]", "[0,4]"), 4), HasSubstr("must begin"));
  EXPECT_THAT(refusal(two("[1,5]", "[5,9]"), 9), HasSubstr("`x` must begin"));
  EXPECT_THAT(refusal(two("[0,4]", "[4,8]"), 9), HasSubstr("must fill the 9 bytes of data, but fill 8"));
}

TEST(Safetensors, offsets_outside_the_data_are_refused) {
  for (const char* offsets :
       {"[0,9]", "[4,0]", "[9223372036854775807,9223372036854775807]", "[0]", "[0,8,8]"}) {
    EXPECT_THAT(refusal(R"({"x":{"dtype":"U8","shape":[8],"data_offsets":)" + std::string(offsets) + "}}", 8),
                HasSubstr("`x.data_offsets` must be a begin and an end within the 8 bytes"))
        << offsets;
  }
  for (const char* offsets :
       {"[-1,8]", "[0,18446744073709551615]", "[0,8.0]", "\"0\"", "[[0],8]", "[0,1e400]"}) {
    EXPECT_THAT(refusal(R"({"x":{"dtype":"U8","shape":[8],"data_offsets":)" + std::string(offsets) + "}}", 8),
                ::testing::AnyOf(HasSubstr("must be a list"), HasSubstr("must be an integer"),
                                 HasSubstr("must be a begin and"), HasSubstr("the header must be JSON")))
        << offsets;
  }
}

TEST(Safetensors, a_shape_whose_size_is_not_the_bytes_is_refused) {
  for (const char* shape : {"[7]", "[0]", "[4294967296,4294967296]", "[4611686018427387904,4]",
                            "[0,9223372036854775807,9223372036854775807]"}) {
    EXPECT_THAT(
        refusal(R"({"x":{"dtype":"I64","data_offsets":[0,8],"shape":)" + std::string(shape) + "}}", 8),
        HasSubstr("`x` must have as many bytes as I64"))
        << shape;
  }
}

TEST(Safetensors, entries_without_their_parts_or_of_unknown_types_are_named) {
  EXPECT_THAT(refusal(R"({"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("`x.dtype` must be F64, F32"));
  EXPECT_THAT(refusal(R"({"x":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("but is 7 instead"));
  EXPECT_THAT(refusal(R"({"x":{"shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("`x.dtype` must be F64, F32"));
  EXPECT_THAT(refusal(R"({"x":3})", 0), HasSubstr("`x` must be an object"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":1}})", 0), HasSubstr("`__metadata__.a` must be a text"));
  EXPECT_THAT(refusal(R"({"__metadata__":[]})", 0), HasSubstr("`__metadata__` must be an object"));
}

}  // namespace
}  // namespace routedk::io
