/// A table of figures, and the three ways to write it.
#pragma once

#include "routedk/bundle/bootstrap.h"

#include <optional>
#include <string>
#include <vector>

namespace routedk::eval {

struct Cell {
  std::optional<double> value{};               ///< none: a dash
  std::optional<bundle::Interval> interval{};  ///< 95 %
  int digits = 3;
};

struct Row {
  std::string name;
  bool baseline = false;
  std::vector<Cell> cells;  ///< one a column
};

struct Table {
  std::string title;               ///< of the page
  std::vector<std::string> notes;  ///< a paragraph each
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::vector<std::string> warnings{};  ///< a line each, below
};

/// Plain text, a line a row and a line a warning, without title, notes and intervals.
std::string text_table(const Table& table);
/// Markdown with intervals; baselines are called so.
std::string markdown_table(const Table& table);
/// One page that needs no other file, with intervals; names are escaped, baselines shaded and called so.
std::string html_table(const Table& table);

}  // namespace routedk::eval
