#include "routedk/bundle/product_metadata.h"

#include "routedk/core/error.h"

#include <fstream>
#include <string>
#include <vector>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace routedk::bundle {
namespace {

using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Heard {
  std::vector<std::string> products;
  std::vector<std::string> bad;
  MetadataCounts counts;
};

Heard read(const std::string& content, std::int64_t max_bad_lines = 1000) {
  const TemporaryFolder folder;
  Heard heard;
  heard.counts = read_metadata(
      {folder.write("meta.json", content), max_bad_lines},
      [&](const Product& p) { heard.products.push_back(p.asin + "=" + p.title); },
      [&](const std::string& message) { heard.bad.push_back(message); });
  return heard;
}

TEST(ProductMetadata, json_and_python_lines_stand_side_by_side) {
  const Heard heard = read(
      "{\"asin\": \"A1\", \"title\": \"a \\u00e9\\/\"}\n"
      "\n"
      "{'asin': 'A2', 'title': \"it's\"}\r\n"
      "{'title': None, 'asin': 'A3'}\n"
      "{'asin': 'A4'}");
  EXPECT_THAT(heard.products, ElementsAre("A1=a \u00e9/", "A2=it's", "A3=", "A4="));
  EXPECT_EQ(heard.counts.products, 4);
  EXPECT_EQ(heard.counts.bad_lines, 0);
}

TEST(ProductMetadata, only_the_outermost_fields_count) {
  const Product product = read_product(
      R"({"related": {"title": "inner", "asin": "X"}, "asin": "A", "list": [{"title": "y"}], "title": "outer"})");
  EXPECT_EQ(product.asin, "A");
  EXPECT_EQ(product.title, "outer");
  EXPECT_EQ(read_product(R"({"asin": "A", "title": ["x"], "more": "y"})").title, "");
}

TEST(ProductMetadata, bad_lines_are_named_counted_and_left_out) {
  const Heard heard =
      read("{'asin': 'A1'}\n{'asin': 'A2'\n[1]\n{\"title\": \"x\"}\n{'asin': \"\xFF\"}\n{'asin': 'A3'}\n");
  EXPECT_THAT(heard.products, ElementsAre("A1=", "A3="));
  EXPECT_THAT(heard.bad, ElementsAre(HasSubstr("meta.json:2)"), HasSubstr("meta.json:3)"),
                                     HasSubstr("meta.json:4)"), HasSubstr("meta.json:5)")));
  EXPECT_THAT(heard.bad[1], HasSubstr("must be an object with a text `asin`"));
  EXPECT_EQ(heard.counts.bad_lines, 4);
}

TEST(ProductMetadata, too_many_bad_lines_are_an_error) {
  EXPECT_EQ(read("x\ny\n{'asin': 'A'}\n", 2).counts.bad_lines, 2);
  EXPECT_THAT(message_of<FileError>([] { read("x\ny\nz\n", 2); }),
              HasSubstr("at most 2 lines that are no product, but line 3"));
}

TEST(ProductMetadata, a_huge_line_and_a_deep_one_take_little_memory) {
  const TemporaryFolder folder;
  const auto path = folder / "meta.json";
  {
    std::ofstream file(path);
    file << "{'asin': 'A', 'x': " << std::string(1 << 20, '[') << std::string(1 << 20, ']')
         << "}\n{'asin': '";
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 256; ++i) {
      file << piece;
    }
    file << "'}\n{'asin': 'C'}\n";
  }
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  std::vector<std::string> asins;
  std::vector<std::string> bad;
  read_metadata(
      {path}, [&](const Product& product) { asins.push_back(product.asin); },
      [&](const std::string& message) { bad.push_back(message); });
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_THAT(asins, ElementsAre("A", "C"));
  EXPECT_THAT(bad, ElementsAre(HasSubstr("at most 4194304 bytes, but has more")));
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 48 * 1024);  // KiB
}

}  // namespace
}  // namespace routedk::bundle
