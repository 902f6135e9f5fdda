#include "routedk/io/jsonl.h"

#include "routedk/core/error.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <sstream>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

namespace routedk::io {
namespace {

using routedk::testing::content_of;
using routedk::testing::entries_of;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> json_lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  read_jsonl(in, "stdin", [&](const Json& value, std::int64_t line) {
    lines.push_back(std::to_string(line) + value.dump());
  });
  return lines;
}

TEST(Jsonl, lines_arrive_with_their_numbers_and_blank_ones_are_skipped) {
  EXPECT_THAT(json_lines_of("{\"b\":1,\"a\":2}\n\n \r\n[3]\r\n4"),
              ElementsAre("1{\"b\":1,\"a\":2}", "4[3]", "54"));
  EXPECT_TRUE(json_lines_of("").empty());
}

TEST(Jsonl, a_line_that_is_not_json_is_named) {
  EXPECT_THAT(message_of<FileError>([] { json_lines_of("{}\n{\"a\":\n"); }),
              HasSubstr("stdin:2 must be JSON, but ends too early"));
  EXPECT_THROW(json_lines_of("{} {}\n"), FileError);
  EXPECT_THROW(json_lines_of("NaN\n"), FileError);
  EXPECT_THROW(json_lines_of("\"\xFF\"\n"), FileError);
  EXPECT_LT(message_of<FileError>([] { json_lines_of("x" + std::string(10000, 'y')); }).size(), 400U);
}

TEST(Jsonl, bytes_that_are_no_text_do_not_reach_the_message) {
  try {
    parse_json("[\"\xFF\xFE\", \x01]", "the reply");
    FAIL() << "it is no JSON";
  } catch (const FileError& error) {
    const std::string message = error.what();
    EXPECT_TRUE(std::ranges::all_of(message, [](char c) { return c >= ' ' && c <= '~'; })) << message;
  }
}

TEST(Jsonl, a_document_nested_without_end_is_refused) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(json_lines_of(nested(500)).size(), 1U);
  EXPECT_THAT(message_of<FileError>([&] { json_lines_of(nested(501)); }),
              HasSubstr("stdin:1 must nest at most 500 brackets, but nests more"));
  EXPECT_THROW(json_lines_of(nested(1'000'000)), FileError);
  EXPECT_EQ(json_lines_of("[\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"]").size(),
            1U);
}

TEST(Jsonl, a_repeated_key_is_refused_at_any_depth) {
  EXPECT_EQ(json_lines_of(R"([{"a": 1}, {"a": {"a": 2}}])").size(), 1U);
  EXPECT_THAT(message_of<FileError>([] { json_lines_of("{}\n{\"a\": [{\"b\": 1, \"b\": 2}]}"); }),
              HasSubstr("stdin:2 must have each key of an object once, but has `b` twice"));
}

TEST(Jsonl, a_list_of_very_many_objects_is_read_in_linear_time) {
  std::string text = "[";
  for (int i = 0; i < 300'000; ++i) {
    text += "{\"a\":[]},";
  }
  text.back() = ']';
  EXPECT_EQ(parse_json(text, "the list").size(), 300'000U);
}

TEST(Jsonl, missing_files_and_folders_are_refused_by_name) {
  const TemporaryFolder folder;
  const auto ignore = [](const Json& /*value*/, std::int64_t /*line*/) {};
  EXPECT_THAT(message_of<FileError>([&] { read_jsonl(folder / "none", ignore); }),
              HasSubstr("none must be a readable"));
  EXPECT_THAT(message_of<FileError>([&] { read_jsonl(folder.path(), ignore); }), HasSubstr("a folder"));
  EXPECT_THAT(message_of<FileError>([&] { read_json(folder / "none"); }),
              HasSubstr("none must be a readable"));
}

TEST(Json, a_document_reads_back_in_the_same_order) {
  const TemporaryFolder folder;
  const Json value = {{"b", 0.1}, {"a", {1, nullptr, "x\n"}}};
  write_json(folder / "f.json", value);
  EXPECT_EQ(content_of(folder / "f.json"),
            "{\n  \"b\": 0.1,\n  \"a\": [\n    1,\n    null,\n    \"x\\n\"\n  ]\n}\n");
  EXPECT_EQ(read_json(folder / "f.json"), value);
  EXPECT_EQ(entries_of(folder.path()), 1);
}

TEST(Json, a_torn_document_is_named) {
  const TemporaryFolder folder;
  const auto path = folder.write("f.json", "{\"a\": [1,\n");
  EXPECT_THAT(message_of<FileError>([&] { read_json(path); }),
              HasSubstr(path.string() + " must be JSON, but ends too early"));
  EXPECT_THROW(read_json(folder.write("e.json", "")), FileError);
}

TEST(JsonlWriter, records_are_appended_to_what_is_there) {
  const TemporaryFolder folder;
  {
    JsonlWriter writer(folder / "f");
    writer.append({{"step", 1}});
    writer.sync();
    EXPECT_EQ(content_of(folder / "f"), "{\"step\":1}\n");
  }
  JsonlWriter(folder / "f").append({{"step", 2}});
  EXPECT_EQ(content_of(folder / "f"), "{\"step\":1}\n{\"step\":2}\n");
}

TEST(JsonlWriter, a_torn_last_line_is_cut_off_on_opening) {
  const TemporaryFolder folder;
  for (const std::size_t torn : {1, 4095, 4096, 4097, 20000}) {
    folder.write("f", "{}\n[1]\n" + std::string(torn, 'x'));
    JsonlWriter(folder / "f").append(2);
    EXPECT_EQ(content_of(folder / "f"), "{}\n[1]\n2\n") << torn;
  }
  folder.write("f", "torn from the start");
  JsonlWriter(folder / "f").append(3);
  EXPECT_EQ(content_of(folder / "f"), "3\n");
}

TEST(JsonlWriter, text_that_is_not_utf8_is_written_with_replacements) {
  const TemporaryFolder folder;
  JsonlWriter(folder / "f").append("a\xFFz");
  EXPECT_EQ(content_of(folder / "f"), "\"a\xEF\xBF\xBDz\"\n");
}

TEST(JsonlWriter, a_full_disk_leaves_whole_lines) {
  const TemporaryFolder folder;
  JsonlWriter writer(folder / "f");
  writer.append(1);
  // A file-size limit stands in for a full disk.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{100, before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string message = message_of<SystemError>([&] { writer.append(std::string(1000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, (folder / "f").string() + " must be written, but the system says: File too large.");
  EXPECT_EQ(content_of(folder / "f"), "1\n");
}

TEST(JsonlWriter, a_path_that_cannot_be_opened_is_named) {
  EXPECT_EQ(message_of<SystemError>([] { JsonlWriter writer("no/such/f"); }),
            "no/such/f must be written, but the system says: No such file or directory.");
}

}  // namespace
}  // namespace routedk::io
