#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include <string_view>

#include "table_cells.h"
#include <fmt/format.h>

namespace routedk::eval {
namespace {

/// Escapes ends of cells, tags, and what GitHub renders as emphasis, code, a link or a mention.
std::string escaped_cell(const std::string& text) {
  std::string safe;
  for (const char c : routedk::escaped(text)) {
    if (c == '@') {
      safe += "@&#8203;";  // a backslash does not prevent a mention
      continue;
    }
    safe += std::string_view("|\\<*`[~").find(c) == std::string_view::npos ? std::string{c}
                                                                           : std::string{'\\', c};
  }
  return safe;
}

std::string markdown_of(const Cell& cell, const std::string& best, bool with_interval) {
  std::string text = escaped_cell(shown_figure(cell));
  if (cell.value && text == best) {
    text = fmt::format("**{}**", text);
  }
  if (with_interval && cell.interval) {
    text +=
        fmt::format(" [{:.{}f}, {:.{}f}]", cell.interval->low, cell.digits, cell.interval->high, cell.digits);
  }
  return text;
}

std::string rows_of(const Table& table) {
  const std::vector<std::string> best = best_figures(table);
  const std::size_t with_intervals = first_with_intervals(table);
  std::string text;
  for (const Row& row : table.rows) {
    text += fmt::format("| {} |", escaped_cell(row.name));
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      text += fmt::format(" {} |", markdown_of(row.cells[c], best[c], c == with_intervals));
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string markdown_table(const Table& table) {
  std::string text = fmt::format("### {}\n\n| system |", escaped_cell(table.title));
  std::string rule = "|---|";
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    text += fmt::format(" {} |", escaped_cell(table.columns[c].name));
    rule += c < table.labels ? "---|" : "---:|";
  }
  text += "\n" + rule + "\n" + rows_of(table);
  text += marks_best(table) ? "\nBold: the best of its column.\n" : "";
  for (const std::string& warning : table.warnings) {
    text += fmt::format("\n**warning:** {}\n", escaped_cell(warning));
  }
  for (const std::string& meaning : meanings(table)) {
    text += fmt::format("\n{}\n", escaped_cell(meaning));
  }
  for (const std::string& note : table.notes) {
    text += fmt::format("\n{}\n", escaped_cell(note));
  }
  return text;
}

}  // namespace routedk::eval
