#include "routedk/bundle/python_literal.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using io::Json;

TEST(PythonLiteral, means_what_python_reads_in_it) {
  int lines = 0;
  io::read_jsonl(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/python_literals.jsonl",
                 [&](const Json& golden, std::int64_t line) {
                   const Json read = Json::parse(json_of_python(golden.at("literal").get<std::string>()));
                   EXPECT_EQ(read.at("title"), golden.at("title")) << "line " << line;
                   EXPECT_EQ(read.at("asin"), golden.at("asin")) << "line " << line;
                   EXPECT_EQ(read.at("flags"), Json::parse("[true, false, null]"));
                   EXPECT_EQ(read.at("related").at("also_bought"), Json::parse(R"(["A1", "it's"])"));
                   ++lines;
                 });
  EXPECT_EQ(lines, 39);
}

TEST(PythonLiteral, escapes_follow_python) {
  const auto read = [](const char* literal) {
    return Json::parse(json_of_python(literal)).get<std::string>();
  };
  EXPECT_EQ(read(R"('\xe9')"), "\xC3\xA9");      // Latin-1: no UTF-8 by itself
  EXPECT_EQ(read(R"('\xc3\xa9')"), "\xC3\xA9");  // two bytes of UTF-8
  EXPECT_EQ(read(R"('\xc3\xa9\xff')"), "\u00c3\u00a9\u00ff");
  EXPECT_EQ(read(R"(u'\u20ac \U0001f50b')"), "\u20ac \U0001f50b");
  EXPECT_EQ(read(R"('\x41\"\'\\')"), "A\"'\\");
  EXPECT_EQ(read(R"('\d \xz1 \u12')"), R"(\d \xz1 \u12)");  // no escapes: they stay
}

TEST(PythonLiteral, what_is_no_literal_becomes_no_json) {
  for (const char* text :
       {"{'a': b'c'}", "{'a': 1,}", "{'a': (1, 2)}", "{'a' 1}", "{'a': nan}", "{'a': Trueish}"}) {
    EXPECT_FALSE(Json::accept(json_of_python(text))) << text;
  }
  EXPECT_THROW(json_of_python("{'a"), FileError);
  EXPECT_THROW(json_of_python("'a\\"), FileError);
}

}  // namespace
}  // namespace routedk::bundle
