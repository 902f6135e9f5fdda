/// A table of figures, what of it is shown, and the three ways to write it.
#pragma once

#include "routedk/bundle/bootstrap.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::eval {

/// Which figure of a column is the best, and marked.
enum class Better : std::uint8_t { kNeither, kHigher, kLower };

struct Column {
  std::string name;
  Better better = Better::kNeither;
  std::string meaning{};  ///< a footnote; may be empty
};

struct Cell {
  std::optional<double> value{};               ///< none: the text, or a dash
  std::optional<bundle::Interval> interval{};  ///< 95 %
  int digits = 3;
  std::string text{};
};

struct Row {
  std::string name;
  bool baseline = false;
  std::vector<Cell> cells;  ///< one a column
};

struct Table {
  std::string title;               ///< of the page
  std::vector<std::string> notes;  ///< a paragraph each
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::vector<std::string> warnings{};  ///< a line each, below
  std::size_t labels = 0;            ///< the first so many columns name the row, too: they are always shown
  std::vector<std::string> usual{};  ///< the columns that are shown unless others are asked for; empty: all
};

struct TableView {
  std::vector<std::string> columns{};  ///< by their names, in this order; empty: the usual ones; "all": all
  std::string sort{};                  ///< a column whose best is first, or "system"; empty: as the rows are
};

/// The part of the table that the view asks for. ConfigError for a column that the table lacks.
Table shown(const Table& table, const TableView& view);

/// Plain text of at most 100 characters a line, without title and notes: columns that do not fit follow
/// below, and a name that does not fit has a line of its own. The best of a column has a star, the first
/// column that has intervals shows them. Below are the columns' meanings, then the warnings.
std::string text_table(const Table& table);
/// Markdown that can be pasted into an issue, as above; the best of a column is bold.
std::string markdown_table(const Table& table);
/// One page that needs no other file, with all intervals; a column's head sorts. Names are escaped, baselines
/// shaded. `all` is shown below, folded.
std::string html_table(const Table& table, const Table* all = nullptr);

}  // namespace routedk::eval
