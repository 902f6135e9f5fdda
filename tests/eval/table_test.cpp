#include "routedk/eval/table.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Table table() {
  return {"A <title> & more",
          {"a note | with a pipe"},
          {"f1", "seconds"},
          {{"dynamic mbr n=8", false, {{0.5, bundle::Interval{0.25, 0.75}}, {12.34, {}, 1}}},
           {"predictions:<b>\"it's\".jsonl|x", false, {{0.125}, {}}},
           {"whole", true, {{0.261, bundle::Interval{0.2, 0.3}}, {}}}}};
}

TEST(Table, every_writer_shows_every_row_and_the_baselines_among_them) {
  for (const std::string& text : {text_table(table()), markdown_table(table()), html_table(table())}) {
    EXPECT_THAT(text, HasSubstr("dynamic mbr n=8"));
    EXPECT_THAT(text, HasSubstr("whole"));
    EXPECT_THAT(text, HasSubstr("0.261"));
    EXPECT_THAT(text, HasSubstr("12.3"));
  }
  EXPECT_THAT(markdown_table(table()), HasSubstr("| baseline: whole | 0.261 [0.200, 0.300] | - |"));
  EXPECT_THAT(html_table(table()), HasSubstr("<tr class=\"baseline\"><td>baseline: whole</td>"
                                             "<td>0.261<small>0.200 to 0.300</small></td><td>-</td></tr>"));
}

TEST(Table, every_writer_shows_the_warnings_below_the_rows_and_as_text) {
  Table warned = table();
  warned.warnings = {"a|b <i> answers alike", "whole is below chance"};
  for (const std::string& text : {text_table(warned), markdown_table(warned), html_table(warned)}) {
    EXPECT_GT(text.find("whole is below chance"), text.find("0.261"));
  }
  EXPECT_THAT(text_table(warned), HasSubstr("\nwarning: whole is below chance\n"));
  EXPECT_THAT(markdown_table(warned), HasSubstr("**warning:** a\\|b \\<i> answers alike\n"));
  EXPECT_THAT(html_table(warned), HasSubstr("<strong>warning:</strong> a|b &lt;i&gt; answers alike</p>"));
}

TEST(Table, text_lines_up_whatever_the_names) {
  const std::string text = text_table(table());
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    lines.push_back(text.substr(at, text.find('\n', at) - at));
  }
  ASSERT_EQ(lines.size(), 4U);
  for (const std::string& line : lines) {
    EXPECT_EQ(line.size(), lines.front().size()) << line;
  }
}

TEST(Table, a_page_holds_no_name_as_markup_and_needs_no_other_file) {
  const std::string page = html_table(table());
  EXPECT_THAT(page, HasSubstr("<h1>A &lt;title&gt; &amp; more</h1>"));
  EXPECT_THAT(page, HasSubstr("predictions:&lt;b&gt;&quot;it&#39;s&quot;.jsonl|x"));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  for (const char* reference : {"http", "src=", "href=", "<link", "<script"}) {
    EXPECT_THAT(page, Not(HasSubstr(reference)));
  }
}

TEST(Table, markdown_rows_have_as_many_cells_as_the_header_whatever_the_names) {
  const std::string text = markdown_table(table());
  EXPECT_THAT(text, HasSubstr("predictions:\\<b>\"it's\".jsonl\\|x"));
  std::size_t rows = 0;
  for (std::size_t at = text.find("| system"); at < text.size(); at = text.find('\n', at) + 1, ++rows) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
    }
    EXPECT_EQ(bars, 4U) << line;
  }
  EXPECT_EQ(rows, 5U);
}

}  // namespace
}  // namespace routedk::eval
