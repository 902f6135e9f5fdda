#include "routedk/io/csv.h"

#include "routedk/core/error.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "line:field|field" for each row.
std::vector<std::string> rows_of(const std::string& content, std::size_t columns = 1) {
  const TemporaryFolder folder;
  std::vector<std::string> rows;
  read_csv(folder.write("f.csv", content), columns, [&](const CsvRow& row) {
    std::string text = std::to_string(row.line) + ":";
    for (const std::string& field : row.fields) {
      text += field + "|";
    }
    rows.push_back(text);
  });
  return rows;
}

std::string table_refusal(const std::string& content, std::size_t columns = 1) {
  return message_of<FileError>([&] { rows_of(content, columns); });
}

TEST(Csv, the_header_is_heard_once_and_before_the_rows) {
  const TemporaryFolder folder;
  std::vector<std::string> heard;
  const auto hear = [&](const CsvRow& row) { heard.push_back(row.fields.front()); };
  read_csv(folder.write("f.csv", "\xEF\xBB\xBFname,x\na,1\n"), 2, hear, hear);
  EXPECT_THAT(heard, ElementsAre("name", "a"));
}

TEST(Csv, a_field_is_read_back_as_it_was_written) {
  const std::string texts[] = {"plain", "", "a,b", "say \"hi\"", "two\nlines", "\r", " blanks ", "\"\"\""};
  for (const std::string& text : texts) {
    EXPECT_EQ(rows_of("h,i\n" + csv_field(text) + ",x\n")[0], "2:" + text + "|x|") << text;
  }
}

TEST(Csv, the_delimiter_is_the_headers_most_frequent_or_the_one_that_excel_declares) {
  EXPECT_EQ(delimiter_of("a;b;\"c,d,e,f\"\n1,2,3,4,5\n"), ';');
  EXPECT_EQ(delimiter_of("\r\na\tb,c\td\n"), '\t');
  EXPECT_EQ(delimiter_of("a|b"), '|');
  EXPECT_EQ(delimiter_of("a,b;c\n;;;;\n"), ',');
  EXPECT_EQ(delimiter_of("title\nx;y\n"), ',');
  EXPECT_EQ(delimiter_of(""), ',');
  EXPECT_EQ(delimiter_of("\xEF\xBB\xBFsep=;\r\na,b,c\n"), ';');
  EXPECT_EQ(delimiter_of("sep=\t\na,b,c\n"), '\t');
}

TEST(Csv, rows_come_apart_at_the_given_delimiter) {
  std::vector<CsvRow> rows;
  read_csv_rows(
      "sep=;\r\n\"a\";b\r\n1,5;\"x;y\"\r\n", "t", [&](const CsvRow& row) { rows.push_back(row); }, ';');
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "b"));
  EXPECT_THAT(rows[1].fields, ElementsAre("1,5", "x;y"));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(csv_field("x;y", ';'), "\"x;y\"");
  EXPECT_EQ(csv_field("1,5", ';'), "1,5");
}

TEST(Csv, a_file_with_another_delimiter_is_refused_by_its_name) {
  EXPECT_THAT(table_refusal("id;title\n1;x\n", 2),
              HasSubstr("separated by commas, but this file seems to use ; ("));
  EXPECT_THAT(table_refusal("\"id\"\t\"title\"\n", 2), HasSubstr("seems to use \\t ("));
}

TEST(Csv, rows_after_the_header_arrive_in_order) {
  EXPECT_THAT(rows_of("a,b\n1,2\n3,4\n"), ElementsAre("2:1|2|", "3:3|4|"));
  EXPECT_THAT(rows_of("a,b\r\n1,2\r\n3,4"), ElementsAre("2:1|2|", "3:3|4|"));
  EXPECT_THAT(rows_of("a,b\n"), IsEmpty());
}

TEST(Csv, quoted_newlines_commas_and_quotes_stay_in_the_field) {
  EXPECT_THAT(rows_of("a,b\n\"x\n\ny\",\"1,2\"\n\"say \"\"hi\"\"\",\n"),
              ElementsAre("2:x\n\ny|1,2|", "5:say \"hi\"||"));
}

TEST(Csv, blanks_belong_to_the_field_and_blank_lines_are_skipped) {
  EXPECT_THAT(rows_of("a,b\n\n 1 ,\t2\r\n\r\n\n3,4\n"), ElementsAre("3: 1 |\t2|", "6:3|4|"));
}

TEST(Csv, a_byte_order_mark_is_no_part_of_the_header) {
  EXPECT_THAT(rows_of("\xEF\xBB\xBF\"a\",b\n1,2\n"), ElementsAre("2:1|2|"));
}

TEST(Csv, a_row_of_another_width_is_named_by_file_and_line) {
  EXPECT_THAT(table_refusal("a,b\n\"1\n\",2\n3\n"),
              HasSubstr("A row must have the header's 2 fields, but has 1 instead ("));
  EXPECT_THAT(table_refusal("a,b\n\"1\n\",2\n3\n"), HasSubstr("f.csv:4)."));
  EXPECT_THAT(table_refusal("a,b\n1,2,3\n"), HasSubstr("but has 3 instead"));
}

TEST(Csv, a_header_that_is_missing_or_too_narrow_is_refused) {
  EXPECT_THAT(table_refusal(""), HasSubstr("must begin with a header line, but is empty"));
  EXPECT_THAT(table_refusal("\n\n"), HasSubstr("must begin with a header line, but is empty"));
  EXPECT_THAT(table_refusal("a,b\n", 3),
              HasSubstr("The header must have at least 3 columns, but has 2 instead"));
}

TEST(Csv, quoting_that_breaks_the_rules_is_refused_with_its_lines) {
  EXPECT_THAT(table_refusal("a\n\"open\nmore\n"), HasSubstr("f.csv:3, in the row from line 2)"));
  EXPECT_THAT(table_refusal("a\n\"x\"y\n"), HasSubstr("f.csv:2, in the row from line 2)"));
  EXPECT_THAT(table_refusal("a\nx\"y\n"), HasSubstr("RFC 4180"));
}

TEST(Csv, a_missing_file_is_named) {
  EXPECT_THAT(message_of<FileError>([] { read_csv("none.csv", 1, [](const CsvRow& /*row*/) {}); }),
              HasSubstr("none.csv must be a readable file"));
}

TEST(Csv, the_data_sets_titles_are_read_whole) {
  const char* const data = std::getenv("ROUTEDK_DATA_DIR");
  if (data == nullptr) {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR is not set";
  }
  int rows = 0;
  read_csv(std::filesystem::path(data) / "electronic/item_titles_full.csv", 2, [&](const CsvRow& row) {
    ++rows;
    EXPECT_FALSE(row.fields[0].empty()) << row.line;
  });
  EXPECT_EQ(rows, 4239);  // as the data set's description says
}

TEST(Csv, files_as_spreadsheets_and_windows_write_them_read_alike_and_utf_16_is_refused) {
  const TemporaryFolder folder;
  const auto rows = [&](const std::string& text) {
    std::vector<std::vector<std::string>> all;
    read_csv(folder.write("f.csv", text), 2, [&](const CsvRow& row) { all.push_back(row.fields); });
    return all;
  };
  const std::vector<std::vector<std::string>> wanted{{"1", "a, \"b\""}, {"2", "c\nd"}};
  EXPECT_EQ(rows("id,title\n1,\"a, \"\"b\"\"\"\n2,\"c\nd\"\n"), wanted);
  EXPECT_EQ(rows("\xEF\xBB\xBFid,title\r\n\"1\",\"a, \"\"b\"\"\"\r\n\"2\",\"c\nd\""), wanted);
  EXPECT_THAT(message_of<FileError>([&] { rows(std::string("\xFF\xFEi\0", 4)); }), HasSubstr("UTF-16"));
  EXPECT_THAT(message_of<FileError>([&] { rows(std::string("i\0d\0", 4)); }), HasSubstr("UTF-16"));
  EXPECT_THAT(message_of<FileError>([&] { rows("PK\x03\x04\x14;;;"); }), HasSubstr("an Excel workbook"));
}

}  // namespace
}  // namespace routedk::io
