#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include <algorithm>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

std::size_t width_of(const std::string& column) {
  return column == "seconds" ? 9 : 12;
}

}  // namespace

std::string text_table(const Table& table) {
  std::size_t longest = 15;
  for (const Row& row : table.rows) {
    longest = std::max(longest, displayed(row.name).size());
  }
  std::string text = fmt::format("{:<{}}", "system", longest);
  for (const std::string& column : table.columns) {
    text += fmt::format(" {:>{}}", column, width_of(column));
  }
  text += "\n";
  for (const Row& row : table.rows) {
    text += fmt::format("{:<{}}", displayed(row.name), longest);
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      const Cell& cell = row.cells[c];
      const std::string figure = cell.value ? fmt::format("{:.{}f}", *cell.value, cell.digits) : "-";
      text += fmt::format(" {:>{}}", figure, width_of(table.columns[c]));
    }
    text += "\n";
  }
  for (const std::string& warning : table.warnings) {
    text += fmt::format("warning: {}\n", displayed(warning));
  }
  return text;
}

}  // namespace routedk::eval
