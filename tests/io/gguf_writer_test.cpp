#include "routedk/io/gguf_writer.h"

#include "routedk/core/error.h"

#include <optional>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using routedk::testing::content_of;
using routedk::testing::entries_of;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::HasSubstr;

/// A tensor over bytes that count up from `first`.
struct Counting {
  std::vector<std::byte> bytes;
  GgufTensor tensor;

  Counting(std::string name, GgmlType type, std::vector<std::int64_t> shape, std::size_t size, int first)
      : bytes(size), tensor{std::move(name), type, std::move(shape), {}, nullptr} {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
    }
    tensor.bytes = bytes;
  }
};

// None of the sizes is a multiple of the alignment.
struct ReadBack {
  Counting a{"a", GgmlType::kF32, {3, 2}, 24, 1};
  Counting half{"a.half", GgmlType::kF16, {5}, 10, 50};
  Counting blocks{"blocks", GgmlType::kQ4_1, {2, 2, 32}, 80, 100};
  std::vector<GgufKey> keys = {{"general.architecture", "llama"},
                               {"empty", ""},
                               {"a.number", std::uint32_t{4'000'000'000}},
                               {"a.real", 0.1F}};

  std::vector<GgufTensor> announced() const { return {a.tensor, half.tensor, blocks.tensor}; }
};

TEST(GgufWriter, what_is_written_is_read_back) {
  const TemporaryFolder folder;
  const ReadBack draft;
  GgufWriter writer(folder / "x.gguf", draft.keys, draft.announced());
  for (const GgufTensor& tensor : draft.announced()) {
    writer.append(tensor);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "x.gguf"));
  writer.commit();
  EXPECT_EQ(entries_of(folder.path()), 1);
  const GgufFile file = GgufFile::open(folder / "x.gguf");
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.text("empty"), "");
  EXPECT_EQ(file.integer("a.number"), 4'000'000'000);
  EXPECT_EQ(file.real("a.real"), static_cast<double>(0.1F));
  ASSERT_EQ(file.tensors().size(), 3U);
  for (const GgufTensor& wanted : draft.announced()) {
    const GgufTensor& found = file.tensor(wanted.name);
    EXPECT_EQ(found.type, wanted.type);
    EXPECT_EQ(found.shape, wanted.shape);
    EXPECT_THAT(std::vector(found.bytes.begin(), found.bytes.end()),
                ::testing::ElementsAreArray(wanted.bytes.begin(), wanted.bytes.end()));
    EXPECT_EQ((found.bytes.data() - file.file().bytes().data()) % 32, 0) << wanted.name;
  }
  EXPECT_EQ(content_of(folder / "x.gguf").size() % 32, 0U);  // ggml reads the last tensor's padding, too
}

TEST(GgufWriter, a_file_that_was_not_committed_leaves_nothing) {
  const TemporaryFolder folder;
  const ReadBack draft;
  std::optional<GgufWriter> writer(std::in_place, folder / "x.gguf", draft.keys, draft.announced());
  writer->append(draft.a.tensor);
  EXPECT_THAT(message_of<Error>([&] { writer->commit(); }), HasSubstr("only 1 were written"));
  writer.reset();
  EXPECT_EQ(entries_of(folder.path()), 0);
}

TEST(GgufWriter, a_tensor_that_was_not_announced_is_refused) {
  const TemporaryFolder folder;
  const ReadBack draft;
  GgufWriter writer(folder / "x.gguf", draft.keys, {draft.a.tensor});
  EXPECT_THAT(message_of<Error>([&] { writer.append(draft.half.tensor); }), HasSubstr("`a` must come next"));
  GgufTensor cut = draft.a.tensor;
  cut.bytes = cut.bytes.first(20);
  EXPECT_THAT(message_of<Error>([&] { writer.append(cut); }), HasSubstr("has 20"));
  writer.append(draft.a.tensor);
  EXPECT_THAT(message_of<Error>([&] { writer.append(draft.a.tensor); }), HasSubstr("comes after them"));
}

TEST(GgufWriter, what_ggml_cannot_read_is_refused) {
  const TemporaryFolder folder;
  const auto refusal = [&](GgufTensor tensor) {
    return message_of<Error>([&] { GgufWriter(folder / "x.gguf", {}, {std::move(tensor)}); });
  };
  const auto rule = HasSubstr("1 to 4 positive dimensions and rows of whole blocks");
  EXPECT_THAT(refusal({std::string(64, 'x'), GgmlType::kF32, {1}, {}, nullptr}), rule);
  EXPECT_THAT(refusal({"x", GgmlType::kF32, {}, {}, nullptr}), rule);
  EXPECT_THAT(refusal({"x", GgmlType::kF32, {1, 1, 1, 1, 1}, {}, nullptr}), rule);
  EXPECT_THAT(refusal({"x", GgmlType::kF32, {2, 0}, {}, nullptr}), rule);
  EXPECT_THAT(refusal({"x", GgmlType::kF32, {-1, 2}, {}, nullptr}), rule);
  EXPECT_THAT(refusal({"x", GgmlType::kQ4_1, {2, 33}, {}, nullptr}), rule);
  const ReadBack draft;
  EXPECT_THAT(message_of<Error>([&] {
                GgufWriter(folder / "x.gguf", {}, {draft.a.tensor, draft.a.tensor});
              }),
              HasSubstr("`a` must be named once"));
  EXPECT_THAT(message_of<Error>([&] {
                GgufWriter(folder / "x.gguf", {{"k", 1.0F}, {"k", 2.0F}}, {});
              }),
              HasSubstr("`k` must be named once"));
  EXPECT_EQ(entries_of(folder.path()), 0);
}

}  // namespace
}  // namespace routedk::io
