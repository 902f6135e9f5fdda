#include "routedk/io/line_reader.h"

#include "routedk/core/error.h"

#include <fstream>
#include <string>
#include <vector>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

namespace routedk::io {
namespace {

using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);  // + 16: gzip
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<std::string> lines_in(const std::filesystem::path& path, std::size_t longest = 100) {
  LineReader reader(path, longest);
  std::vector<std::string> lines;
  while (const auto line = reader.next()) {
    lines.push_back(std::to_string(line->number) + (line->whole ? ":" : ">") + std::string(line->text));
  }
  return lines;
}

class LineReaderTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(LineReaderTest, plain_and_gzip_give_the_same_lines) {
  const std::string text = "one\n\nthree\nlast without newline";
  for (const std::string& content : {text, gzipped(text), gzipped("one\n\nth") + gzipped(text.substr(7))}) {
    EXPECT_THAT(lines_in(folder_.write("f", content)),
                ElementsAre("1:one", "2:", "3:three", "4:last without newline"));
  }
  EXPECT_THAT(lines_in(folder_.write("f", "a\n")), ElementsAre("1:a"));
  EXPECT_THAT(lines_in(folder_.write("f", "")), ElementsAre());
}

TEST_F(LineReaderTest, lines_longer_than_a_block_come_whole_up_to_the_limit) {
  const std::string at_limit(200'000, 'x');
  const auto path = folder_.write("f", at_limit + "\n" + at_limit + "x\nend\n");
  EXPECT_THAT(lines_in(path, at_limit.size()), ElementsAre("1:" + at_limit, "2>", "3:end"));
}

TEST_F(LineReaderTest, a_line_of_half_a_gigabyte_takes_no_memory) {
  {
    gzFile file = gzopen((folder_ / "bomb.gz").c_str(), "wb1");
    const std::string zeros(1 << 20, '[');
    for (int i = 0; i < 512; ++i) {
      gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size()));
    }
    gzputs(file, "\nend\n");
    gzclose(file);
  }
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_THAT(lines_in(folder_ / "bomb.gz"), ElementsAre("1>", "2:end"));
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 * 1024);  // KiB
}

TEST_F(LineReaderTest, damaged_and_truncated_gzip_is_refused_by_line) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    text += std::to_string(i * 7919 % 10007) + "\n";
  }
  const std::string whole = gzipped(text);
  const auto refusal = [&](const std::string& content) {
    return message_of<FileError>([&] { lines_in(folder_.write("f.gz", content)); });
  };
  EXPECT_THAT(refusal(whole.substr(0, whole.size() / 2)), HasSubstr("after line "));
  EXPECT_THAT(refusal(whole.substr(0, whole.size() - 4)), HasSubstr("f.gz must be complete gzip data"));
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
  EXPECT_THAT(refusal(flipped), HasSubstr("f.gz must be complete gzip data"));
}

TEST_F(LineReaderTest, a_missing_file_and_a_folder_are_refused) {
  EXPECT_THAT(message_of<FileError>([&] { LineReader(folder_ / "none", 1); }), HasSubstr("No such file"));
  EXPECT_THAT(message_of<FileError>([&] { LineReader(folder_.path(), 1); }), HasSubstr("a folder"));
}

}  // namespace
}  // namespace routedk::io
