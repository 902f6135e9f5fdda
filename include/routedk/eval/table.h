/// A table of results, views of it, and its three output formats.
#pragma once

#include "routedk/bundle/bootstrap.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::eval {

/// Which value of a column is the best and is marked.
enum class Better : std::uint8_t { kNeither, kHigher, kLower };

struct Column {
  std::string name;
  Better better = Better::kNeither;
  std::string meaning{};  ///< a footnote; may be empty
};

struct Cell {
  std::optional<double> value{};               ///< if empty, the text or a dash
  std::optional<bundle::Interval> interval{};  ///< 95 %
  int digits = 3;
  std::string text{};
};

struct Row {
  std::string name;
  bool baseline = false;
  std::vector<Cell> cells;  ///< one per column
};

struct Table {
  std::string title;               ///< may be empty
  std::vector<std::string> notes;  ///< one paragraph each
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::vector<std::string> warnings{};  ///< one line each, below the table
  std::size_t labels = 0;               ///< this many first columns identify the row and are always shown
  std::vector<std::string> usual{};     ///< the columns shown by default; empty: all
};

struct TableView {
  std::vector<std::string> columns{};  ///< names, in this order; empty: the usual ones; "all": all
  std::string sort{};                  ///< a column, best first, or "system"; empty: keep the order
};

/// The part of the table that the view selects. ConfigError for a column that the table lacks.
Table shown(const Table& table, const TableView& view);

/// Plain text of at most 100 characters per line, without notes: the title, if there is one, then the rows.
/// Columns that do not fit follow below, and a name that does not fit has its own line. A star marks the best
/// of each column; the first column with intervals shows them. The columns' meanings follow, then the
/// warnings.
std::string text_table(const Table& table);
/// The same as Markdown for pasting into an issue; the best of a column is bold.
std::string markdown_table(const Table& table);
/// A self-contained page with all intervals; clicking a column's head sorts. Names are escaped, baselines
/// shaded. `all` is shown folded below.
std::string html_table(const Table& table, const Table* all = nullptr);

}  // namespace routedk::eval
