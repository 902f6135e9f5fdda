#include "routedk/eval/table.h"

#include "routedk/core/error.h"

#include <algorithm>

#include "support/lines_of.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using routedk::testing::lines_of;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Cell word(const std::string& text) {
  Cell cell;
  cell.text = text;
  return cell;
}

Table table() {
  return {"A <title> & more",
          {"a note | with a pipe"},
          {{"rule"}, {"f1", Better::kHigher}, {"seconds"}},
          {{"dynamic", false, {word("mbr"), {0.5, bundle::Interval{0.25, 0.75}}, {12.34, {}, 1}}},
           {"predictions:<b>\"it's\".jsonl|x", false, {word("vote"), {0.125}, {}}},
           {"whole", true, {word("baseline"), {0.261, bundle::Interval{0.2, 0.3}}, {}}}},
          {},
          1};
}

std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> names;
  std::ranges::transform(table.rows, std::back_inserter(names), &Row::name);
  return names;
}

TEST(Table, every_writer_shows_every_row_and_the_baselines_among_them) {
  for (const std::string& text : {text_table(table()), markdown_table(table()), html_table(table())}) {
    EXPECT_THAT(text, HasSubstr("dynamic"));
    EXPECT_THAT(text, HasSubstr("whole"));
    EXPECT_THAT(text, HasSubstr("0.261"));
    EXPECT_THAT(text, HasSubstr("12.3"));
  }
  EXPECT_THAT(markdown_table(table()), HasSubstr("| whole | baseline | 0.261 [0.200, 0.300] | - |"));
  EXPECT_THAT(html_table(table()),
              HasSubstr("<tr class=\"baseline\"><td>whole</td><td class=\"text\">baseline</td>"
                        "<td data-value=\"0.261\">0.261<small>0.200 to 0.300</small></td><td>-</td></tr>"));
}

TEST(Table, every_writer_marks_the_best_of_a_column_and_what_looks_equal) {
  Table two = table();
  two.rows[1].cells[1] = {0.49999};
  EXPECT_THAT(text_table(two), HasSubstr(" 0.500* [0.250, 0.750]"));
  EXPECT_THAT(text_table(two), HasSubstr("\n* the best of its column\n"));
  EXPECT_THAT(markdown_table(two), HasSubstr("| **0.500** [0.250, 0.750] | 12.3 |"));
  EXPECT_THAT(markdown_table(two), HasSubstr("| vote | **0.500** | - |"));
  EXPECT_THAT(html_table(two), HasSubstr("<td class=\"best\" data-value=\"0.49999\">0.500</td>"));
  two.columns[1].better = Better::kLower;
  EXPECT_THAT(markdown_table(two), HasSubstr("| **0.261** [0.200, 0.300] |"));
  EXPECT_THAT(markdown_table(two), HasSubstr("\nBold: the best of its column.\n"));
  EXPECT_THAT(html_table(two), HasSubstr("<p>Bold: the best of its column.</p>"));
  two.rows[2].cells[1] = {0.5};
  for (const std::string& text : {text_table(two), markdown_table(two), html_table(two)}) {
    EXPECT_THAT(text, Not(AnyOf(HasSubstr("500*"), HasSubstr("class=\"best\""), HasSubstr("the best of"))))
        << "where all are equal none is best";
  }
  two.rows.resize(1);
  EXPECT_THAT(markdown_table(two), Not(HasSubstr("**"))) << "alone there is no best";
}

TEST(Table, a_text_begins_with_the_title_and_rules_break_between_their_words_on_a_page) {
  Table titled = table();
  titled.rows[0].cells[0] = word("expected_utility mean");
  EXPECT_EQ(lines_of(text_table(titled))[0], "A <title> & more");
  EXPECT_THAT(html_table(titled), HasSubstr("<td class=\"text\">expected_<wbr>utility mean</td>"));
  titled.title.clear();
  EXPECT_THAT(lines_of(text_table(titled))[0], StartsWith("system"));
}

TEST(Table, every_writer_shows_the_warnings_below_the_rows_and_as_text) {
  Table warned = table();
  warned.warnings = {"a|b <i> answers alike", "whole is below chance"};
  warned.columns[2].meaning = "to draw all";
  for (const std::string& text : {text_table(warned), markdown_table(warned), html_table(warned)}) {
    EXPECT_GT(text.find("whole is below chance"), text.find("0.261"));
    EXPECT_THAT(text, HasSubstr("seconds: to draw all"));
  }
  EXPECT_THAT(text_table(warned), HasSubstr("\nwarning: whole is below chance\n"));
  EXPECT_THAT(markdown_table(warned), HasSubstr("**warning:** a\\|b \\<i> answers alike\n"));
  EXPECT_THAT(html_table(warned), HasSubstr("<strong>warning:</strong> a|b &lt;i&gt; answers alike</p>"));
}

/// Twenty columns of long names.
Table wide() {
  Table made = table();
  for (int c = 0; c < 20; ++c) {
    made.columns.push_back({"a_figure_of_a_long_name_" + std::to_string(c), Better::kHigher, "it is wide"});
    for (Row& row : made.rows) {
      row.cells.push_back({0.25 + c});
    }
  }
  made.rows[0].name = "router:/" + std::string(120, 'r');
  made.warnings = {std::string(90, 'w') + " and " + std::string(150, 'x')};
  return made;
}

TEST(Table, no_line_of_text_is_longer_than_100_characters_and_none_of_it_is_lost) {
  const std::string text = text_table(wide());
  std::string joined;
  std::size_t blocks = 0;
  for (const std::string& line : lines_of(text)) {
    EXPECT_LE(line.size(), 100U) << line;
    joined += line;
    blocks += line.starts_with("system") ? 1 : 0;
  }
  EXPECT_GT(blocks, 1U);
  EXPECT_THAT(joined, HasSubstr(wide().rows[0].name));
  for (int c = 0; c < 20; ++c) {
    EXPECT_THAT(text, HasSubstr(" " + std::to_string(c) + ".250"));
  }
  std::size_t labels = 0;
  for (std::size_t at = text.find("baseline"); at != std::string::npos; at = text.find("baseline", at + 1)) {
    ++labels;
  }
  EXPECT_EQ(labels, blocks) << "what names a row is in every block";
}

TEST(Table, text_lines_up_whatever_the_names) {
  Table narrow = table();
  narrow.rows[0].name = "caf\u00e9";
  const std::vector<std::string> lines = lines_of(text_table(narrow));
  EXPECT_EQ(lines[2].find("0.500"), lines[4].find("0.261") + 1) << "of the e's two bytes";
  EXPECT_EQ(lines[3].find("0.125"), lines[4].find("0.261") + 15) << "without an interval, to the right";
}

TEST(Table, a_view_chooses_columns_and_sorts_rows_and_names_what_there_is_not) {
  const auto columns = [](const TableView& view) {
    std::vector<std::string> names;
    std::ranges::transform(shown(table(), view).columns, std::back_inserter(names), &Column::name);
    return names;
  };
  EXPECT_THAT(columns({}), ElementsAre("rule", "f1", "seconds"));
  EXPECT_THAT(columns({{"seconds"}, {}}), ElementsAre("rule", "seconds"));
  EXPECT_THAT(columns({{"seconds", "f1", "seconds", "rule"}, {}}), ElementsAre("rule", "seconds", "f1"));
  Table usual = table();
  usual.usual = {"f1"};
  EXPECT_EQ(shown(usual, {}).columns.size(), 2U);
  EXPECT_EQ(shown(usual, {{"all"}, {}}).columns.size(), 3U);
  EXPECT_EQ(shown(usual, {{"seconds"}, {}}).rows[0].cells[1].value, 12.34);

  EXPECT_THAT(names_in(shown(table(), {{}, "f1"})),
              ElementsAre("dynamic", "whole", "predictions:<b>\"it's\".jsonl|x"));
  EXPECT_THAT(names_in(shown(table(), {{"f1"}, "rule"})),
              ElementsAre("whole", "dynamic", "predictions:<b>\"it's\".jsonl|x"));
  EXPECT_THAT(names_in(shown(table(), {{}, "system"})),
              ElementsAre("dynamic", "predictions:<b>\"it's\".jsonl|x", "whole"));
  EXPECT_EQ(names_in(shown(table(), {{}, "seconds"})).front(), "dynamic") << "what has no figure is last";
  for (const TableView& view : {TableView{{"f2"}, {}}, TableView{{}, "f2"}}) {
    try {
      shown(table(), view);
      FAIL();
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("one of rule, f1, seconds, but is `f2`"));
    }
  }
}

TEST(Table, a_page_holds_no_name_as_markup_and_needs_no_other_file) {
  const Table all = wide();
  const std::string page = html_table(table(), &all);
  EXPECT_THAT(page, HasSubstr("<h1>A &lt;title&gt; &amp; more</h1>"));
  EXPECT_THAT(page, HasSubstr("predictions:&lt;b&gt;&quot;it&#39;s&quot;.jsonl|x"));
  EXPECT_THAT(page, HasSubstr("a_<wbr>figure_<wbr>of_"));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  for (const char* reference : {"http", "src=", "href=", "<link", "import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(reference)));
  }
}

TEST(Table, markdown_rows_have_as_many_cells_as_the_header_whatever_the_names) {
  Table odd = table();
  odd.rows[0].name = "*a* `b` [c](d) ~~e~~ @person";
  const std::string text = markdown_table(odd);
  EXPECT_THAT(text, HasSubstr("predictions:\\<b>\"it's\".jsonl\\|x"));
  EXPECT_THAT(text, HasSubstr("| \\*a\\* \\`b\\` \\[c](d) \\~\\~e\\~\\~ @&#8203;person |"));
  std::size_t rows = 0;
  for (const std::string& line : lines_of(text)) {
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
    }
    if (line.starts_with("|")) {
      EXPECT_EQ(bars, 5U) << line;
      ++rows;
    }
  }
  EXPECT_EQ(rows, 5U);
}

}  // namespace
}  // namespace routedk::eval
